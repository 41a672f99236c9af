"""Plans are built and run by TensorRT 11's interface as it is; its sibling builds a real one."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from engine.errors import MissingExtra, ModelMismatch, NoDevice
from engine.runtime import device_memory
from engine.runtime.tensorrt import TensorRtModel, build
from engine.speech import SPEECH_MODEL_PATH
from tests.cuda_runtime import FakeCudart
from tests.tensorrt_11 import FakeTensorRt


@pytest.fixture
def trt(monkeypatch: pytest.MonkeyPatch) -> FakeTensorRt:
    runtime = FakeCudart()
    monkeypatch.setattr(device_memory, "cudart", lambda: runtime)
    return FakeTensorRt(runtime)


def test_a_plan_is_for_one_to_so_many_streams_and_full_precision(trt: FakeTensorRt) -> None:
    told: list[tuple[str, float]] = []
    built = build(b"onnx", 16, b"known", trt, lambda phase, share: told.append((phase, share)))
    (config,) = trt.configs
    assert config.profiles[0].shapes == {
        "face": [[1, 52], [16, 52], [16, 52]],
        "head": [[1, 3], [16, 3], [16, 3]],
    }
    assert config.cleared == [trt.BuilderFlag.TF32]
    assert built.timings == b"known+1"
    assert [share for _, share in told] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert {phase for phase, _ in told} == {"Building engine"}


def test_timings_of_elsewhere_are_begun_anew(trt: FakeTensorRt) -> None:
    assert build(b"onnx", 4, b"foreign", trt).timings == b"+1"
    assert build(b"onnx", 4, None, trt).timings == b""


@pytest.mark.parametrize(
    ("fails", "says"),
    [({"unparsable": True}, "GridSample"), ({"unbuildable": True}, "built nothing")],
)
def test_what_can_not_be_built(fails: dict[str, bool], says: str, trt: FakeTensorRt) -> None:
    with pytest.raises(ModelMismatch, match=says):
        build(b"onnx", 4, b"", FakeTensorRt(trt.rt, **fails))


def test_runs_any_batch_each_by_a_graph_of_its_own(trt: FakeTensorRt) -> None:
    model = TensorRtModel(build(b"onnx", 4, b"", trt).plan, 4, trt)
    assert model.inputs == {"face": ("batch", 52), "head": ("batch", 3)}
    assert model.outputs == {"frame": ("batch", 4, 6, 3)}
    rng = np.random.default_rng(0)
    answers: list[tuple[Any, Any]] = []
    for rows in (1, 4, 2, 4, 1):
        face = rng.integers(256, size=(rows, 52)).astype(np.float32)
        frames = model.run({"face": face, "head": np.zeros((rows, 3), np.float32)})["frame"]
        assert frames.shape == (rows, 4, 6, 3)
        answers.append((frames, face[:, 0]))
    for frames, expected in answers:  # all of them, after all calls: none was overwritten
        np.testing.assert_array_equal(frames[:, 0, 0, 0], expected)
    assert model._engine.contexts == 3
    assert trt.rt.launches == 5


def test_a_plan_of_another_version_is_refused(trt: FakeTensorRt) -> None:
    plan = build(b"onnx", 4, b"", trt).plan
    trt.__version__ = "11.5.0.1"
    with pytest.raises(NoDevice, match="of this GPU and version"):
        TensorRtModel(plan, 4, trt)


def test_without_tensorrt_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(MissingExtra, match=r"avatar-engine\[tensorrt\]"):
        build(b"onnx", 4)


def test_the_speech_model_is_parsed_and_built_by_tensorrt_rtx() -> None:
    """TensorRT's sibling reads ONNX with the same parser and builds without a GPU."""
    rtx = pytest.importorskip(
        "tensorrt_rtx_bindings", reason="did not run: tensorrt-rtx is not installed"
    )
    built = build(SPEECH_MODEL_PATH.read_bytes(), 1, None, rtx)
    assert len(built.plan) > 500_000
    with pytest.raises(ModelMismatch, match="can not read"):
        build(b"no model", 1, None, rtx)
