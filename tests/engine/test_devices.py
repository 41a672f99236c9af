"""Which device draws, what is said about it, and that nothing falls back in silence."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import devices
from engine.avatar import Avatar
from engine.devices import drawing_on, machine_lacks, plan_for, why_not
from engine.drawing import SIZES, CanvasDrawing, FrameDrawing
from engine.errors import ModelMismatch, NoDevice
from engine.gpu import Device, Gpu
from engine.motion import Motion
from engine.runtime import device_memory
from engine.runtime.model import Shape
from engine.runtime.plans import PlanKey, Plans
from tests import bundles, tensorrt_11
from tests.cuda_runtime import FakeCudart
from tests.tensorrt_11 import FakeTensorRt

GPU = Gpu("NVIDIA H100", "580.1", 81559)


class Graph:
    """``engine.runtime.cuda.CudaGraph`` without a GPU."""

    def __init__(self, model: bytes, batch: int) -> None:
        assert model == b"onnx"
        self.metadata = {"precision": "fp16"}
        side = bundles.FRAME
        self.inputs: dict[str, Shape] = {"face": (batch, 52), "head": (batch, 3)}
        self.outputs: dict[str, Shape] = {"frame": (batch, side, side, 3)}

    def run(self, inputs: Mapping[str, Any], keep: Collection[str] = ()) -> dict[str, Any]:
        return {"frame": np.zeros(self.outputs["frame"], np.uint8)}  # type: ignore[arg-type]


@pytest.fixture
def ready(avatar: Avatar, monkeypatch: pytest.MonkeyPatch) -> Avatar:
    """An avatar with a GPU form, on a machine with a GPU and onnxruntime-gpu."""
    monkeypatch.setattr(devices, "find_gpu", lambda: GPU)
    monkeypatch.setattr(devices.cuda, "has_cuda", lambda: True)
    monkeypatch.setattr(devices.cuda, "CudaGraph", Graph)
    return replace(avatar, frame=b"onnx")


@pytest.fixture
def trt(monkeypatch: pytest.MonkeyPatch) -> FakeTensorRt:
    """TensorRT 11 installed, for frames of the test avatar's size."""
    runtime = FakeCudart()
    fake = FakeTensorRt(runtime)
    monkeypatch.setattr(device_memory, "cudart", lambda: runtime)
    monkeypatch.setattr(devices.tensorrt, "tensorrt", lambda: fake)
    monkeypatch.setattr(devices, "find_spec", lambda name: object())
    monkeypatch.setitem(
        tensorrt_11._Engine._TENSORS,
        "frame",
        ("OUTPUT", (-1, bundles.FRAME, bundles.FRAME, 3), "UINT8"),
    )
    monkeypatch.setattr(tensorrt_11, "FRAME", (bundles.FRAME, bundles.FRAME, 3))
    return fake


def test_auto_takes_the_gpu_where_all_is_ready(ready: Avatar) -> None:
    drawn = drawing_on(ready, Device.auto)
    assert isinstance(drawn.drawing, FrameDrawing)
    assert drawn.line == "drawing on NVIDIA H100 by CUDA, found: fp16, up to 16 at once"
    assert drawn.drawing.draw(Motion()).shape == (bundles.FRAME, bundles.FRAME, 3)


def test_nothing_is_lacking_for_what_every_machine_has() -> None:
    assert not machine_lacks(Device.auto)
    assert not machine_lacks(Device.cpu)


def test_the_cpu_when_asked_for_whatever_there_is(ready: Avatar) -> None:
    drawn = drawing_on(ready, Device.cpu)
    assert isinstance(drawn.drawing, CanvasDrawing)
    assert drawn.line == "drawing on the CPU, as asked"


@pytest.mark.parametrize(
    ("where", "name", "answer", "says"),
    [
        (devices, "find_gpu", "no NVIDIA driver", "no NVIDIA driver"),
        (devices.cuda, "has_cuda", False, r"avatar-engine\[cuda\]"),
    ],
    ids=["no GPU", "no CUDA"],
)
def test_auto_falls_back_and_says_so_and_a_name_does_not(
    where: Any, name: str, answer: Any, says: str, ready: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, lambda: answer)
    drawn = drawing_on(ready, Device.auto)
    assert isinstance(drawn.drawing, CanvasDrawing)
    assert drawn.line.startswith("drawing on the CPU: ")
    with pytest.raises(NoDevice, match=says):
        drawing_on(ready, Device.cuda)


def test_an_avatar_without_a_gpu_form_is_told_how_to_get_it(ready: Avatar) -> None:
    without = replace(ready, frame=None)
    assert "--precision fp16" in why_not(without, Device.cuda)
    assert "--precision fp16" in drawing_on(without, Device.auto).line
    with pytest.raises(NoDevice, match="has no GPU form"):
        drawing_on(without, Device.cuda)


def test_cuda_that_fails_while_loading(ready: Avatar, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(model: bytes, batch: int) -> Graph:
        raise NoDevice("libcudnn.so.9 is missing")

    monkeypatch.setattr(devices.cuda, "CudaGraph", missing)
    assert drawing_on(ready, Device.auto).line == "drawing on the CPU: libcudnn.so.9 is missing"
    with pytest.raises(NoDevice, match="libcudnn"):
        drawing_on(ready, Device.cuda)


def test_tensorrt_that_is_not_installed(ready: Avatar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    with pytest.raises(NoDevice, match=r"avatar-engine\[tensorrt\]"):
        drawing_on(ready, Device.tensorrt)
    with pytest.raises(NoDevice, match=r"avatar-engine\[tensorrt\]"):
        plan_for(ready)


def test_cuda_serves_while_the_plan_is_built_and_then_hands_over(
    ready: Avatar, trt: FakeTensorRt, tmp_path: Path
) -> None:
    hold, told = threading.Event(), threading.Event()

    def report(phase: str, share: float) -> None:
        told.set()
        assert hold.wait(10)

    plans = Plans(tmp_path)
    drawn = drawing_on(ready, Device.tensorrt, plans, report)
    assert drawn.line.startswith("building a TensorRT plan for NVIDIA H100; until then drawing on")
    assert "by CUDA" in drawn.line
    assert told.wait(10)
    assert not drawn.drawing.draw(Motion()).any(), "CUDA's frame"
    face = np.full(52, 200, np.float32)
    hold.set()
    for thread in threading.enumerate():
        if thread.name == f"plan of {ready.name}":
            thread.join(10)
    assert (drawn.drawing.draw(Motion(face)) == 200).all(), "TensorRT's"
    again = drawing_on(ready, Device.tensorrt, plans)
    assert again.line == "drawing on NVIDIA H100 by TensorRT 11.4.0.106"
    assert len(trt.configs) == 1, "built once"


def test_a_plan_that_can_not_be_built_leaves_cuda_serving(
    ready: Avatar, trt: FakeTensorRt, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trt.unbuildable = True
    drawn = drawing_on(ready, Device.tensorrt, Plans(tmp_path))
    for thread in threading.enumerate():
        if thread.name == f"plan of {ready.name}":
            thread.join(10)
    assert not drawn.drawing.draw(Motion()).any()
    assert "TensorRT does not take over" in caplog.text
    assert not list(tmp_path.iterdir())


def test_export_builds_the_plan_once(ready: Avatar, trt: FakeTensorRt, tmp_path: Path) -> None:
    plans = Plans(tmp_path)
    assert plan_for(ready, plans) == "TensorRT plan for NVIDIA H100 built"
    assert "already" in plan_for(ready, plans)
    key = PlanKey.of(b"onnx", GPU.name, trt.__version__, SIZES[-1])
    assert plans.find(key)
    trt.unbuildable = True
    with pytest.raises(ModelMismatch, match="built nothing"):
        plan_for(replace(ready, frame=b"other"), plans)
