"""onnxruntime's GPU way: its bindings are run on the CPU here, its refusals with a false provider.

On a machine with a GPU the same parity is asked of it; without one those tests say so.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from engine.errors import MissingExtra, ModelMismatch, NoDevice
from engine.features import BANDS
from engine.motion import coefficients
from engine.runtime import cuda
from engine.runtime.cuda import CudaGraph, CudaModel, has_cuda
from engine.runtime.onnx import OnnxModel
from engine.speech import SPEECH_MODEL_PATH
from tests import bundles

BOTH = [
    pytest.param(True, id="cpu"),
    pytest.param(False, id="gpu", marks=pytest.mark.gpu),
]


@pytest.fixture(params=BOTH)
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """Where the bindings run; gives the difference that its arithmetic may make."""
    if request.param:
        _on_cpu(monkeypatch)
    return 0.0 if request.param else 1e-3


def _on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "_PROVIDER", "CPUExecutionProvider")
    monkeypatch.setattr(cuda, "_DEVICE", "cpu")
    monkeypatch.setattr(cuda, "_NO_FALLBACK", {})


def any_batch() -> bytes:
    """The test avatar's face model for any number of rows."""
    model = onnx.load_from_string(bundles.face_model())
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    shape = next(i for i in model.graph.initializer if i.name == "shape")
    whole = onnx.numpy_helper.to_array(shape).copy()
    whole[0] = -1
    shape.CopyFrom(onnx.numpy_helper.from_array(whole, "shape"))
    return bytes(model.SerializeToString())


def test_fifty_closed_loop_steps_with_the_state_on_the_device(device: float) -> None:
    reference, model = OnnxModel(SPEECH_MODEL_PATH), CudaModel(SPEECH_MODEL_PATH.read_bytes())
    assert model.metadata == reference.metadata
    columns = np.random.default_rng(0).normal(-9, 3, (50, 1, BANDS)).astype(np.float32)
    ours: Any = np.zeros(reference.inputs["hidden"], np.float32)  # type: ignore[arg-type]
    theirs = ours
    for column in columns:
        expected = reference.run({"column": column, "hidden": ours})
        found = model.run({"column": column, "hidden": theirs}, keep=("hidden_out",))
        ours, theirs = expected["hidden_out"], found["hidden_out"]
        assert isinstance(theirs, onnxruntime.OrtValue), "it has not left the device"
        np.testing.assert_allclose(found["coefficients"], expected["coefficients"], atol=device)
    np.testing.assert_allclose(theirs.numpy(), ours, atol=10 * device)


def test_a_fixed_batch_gives_what_single_calls_give(device: float) -> None:
    reference, graph = OnnxModel(bundles.face_model()), CudaGraph(any_batch(), 4)
    assert graph.inputs == {"face": (4, 52)}
    for k in range(3):  # the places of inputs and outputs are used again
        faces = np.stack([coefficients(jawOpen=x / 9 + k / 30) for x in range(4)])
        found = graph.run({"face": faces})
        for row in range(4):
            expected = reference.run({"face": faces[row : row + 1]})
            for name, value in expected.items():
                np.testing.assert_allclose(found[name][row : row + 1], value, atol=device)
    kept = graph.run({"face": np.zeros((4, 52), np.float32)})["alpha"]
    graph.run({"face": np.stack([coefficients(jawOpen=1)] * 4)})
    if device:
        assert not kept.any(), "an answer is not overwritten by the next"


def test_a_gpu_that_is_not_used_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What onnxruntime-gpu does without libcublasLt: it answers to CUDA and runs on the CPU."""

    class Silent:
        def __init__(self, *_: object, **__: object) -> None: ...
        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Silent)
    assert has_cuda()
    with pytest.raises(NoDevice, match="uses CPUExecutionProvider, expected CUDA"):
        CudaModel(b"")


def test_an_operation_that_would_run_on_the_cpu_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise RuntimeError("This session contains graph nodes assigned to the default CPU EP")

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    with pytest.raises(NoDevice, match="CUDA can not run this model"):
        CudaGraph(any_batch(), 1)


def test_the_wheel_without_cuda_is_named() -> None:
    if has_cuda():
        pytest.skip("did not run: this onnxruntime has CUDA")
    with pytest.raises(NoDevice, match=r"avatar-engine\[cuda\]"):
        CudaModel(bundles.face_model())


def test_without_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert not has_cuda()
    with pytest.raises(MissingExtra, match=r"avatar-engine\[cuda\]"):
        CudaModel(bundles.face_model())


def test_what_is_no_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _on_cpu(monkeypatch)
    with pytest.raises(ModelMismatch, match="the given bytes"):
        CudaModel(b"not a model")
