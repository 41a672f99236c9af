"""Which device draws: chosen by name or by what is here, and said in one plain line."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from engine.avatar import Avatar
from engine.drawing import SIZES, CanvasDrawing, Drawing, FrameDrawing, Relay
from engine.errors import AvatarEngineError, NoDevice
from engine.gpu import Device, Gpu, find_gpu
from engine.runtime import cuda, tensorrt
from engine.runtime.plans import PlanKey, Plans

__all__ = ["Drawn", "drawing_on", "machine_lacks", "plan_for", "why_not"]

logger = logging.getLogger(__name__)

Report = Callable[[str, float], None]


def _logged(phase: str, share: float) -> None:
    logger.info("%s: %.0f %%", phase, 100 * share)


@dataclass(frozen=True)
class Drawn:
    """drawing: what draws. line: which device that is and why, for people."""

    drawing: Drawing
    line: str


def machine_lacks(device: Device) -> str:
    """What this machine does not have for a device, and what to do; empty where all is there."""
    if device in (Device.auto, Device.cpu):
        return ""
    gpu = find_gpu()
    if isinstance(gpu, str):
        return gpu
    if device is Device.tensorrt:
        missing = [name for name in ("tensorrt", "cuda") if find_spec(name) is None]
        if missing:
            return "TensorRT is not installed: pip install 'avatar-engine[tensorrt]'"
    elif not cuda.has_cuda():
        return (
            "onnxruntime is the one without CUDA: pip uninstall onnxruntime, then pip install "
            "'avatar-engine[cuda]'"
        )
    return ""


def why_not(avatar: Avatar, device: Device) -> str:
    """Why this device can not draw this avatar here, and what to do; empty where it can."""
    if lacks := machine_lacks(device):
        return lacks
    if avatar.frame is None and device is not Device.cpu:
        return (
            f"{avatar.name} has no GPU form: engine export --identity {avatar.name} "
            f"--precision fp16 --out {avatar.name}.avatar adds it"
        )
    return ""


def drawing_on(
    avatar: Avatar, asked: Device, plans: Plans | None = None, report: Report = _logged
) -> Drawn:
    """What draws this avatar. A TensorRT plan that is not there yet is built in the background,
    while CUDA or the CPU draws; ``report`` is told, from that thread.

    Raises NoDevice where a device was asked for by name and can not be used: only ``auto`` falls
    back, and its line says so.
    """
    if asked is Device.cpu:
        return Drawn(_on_cpu(avatar), "drawing on the CPU, as asked")
    if asked is Device.auto:
        reason = why_not(avatar, Device.cuda)
        if not reason:
            try:
                return _on_cuda(avatar, "found")
            except AvatarEngineError as error:
                reason = str(error)
        return Drawn(_on_cpu(avatar), f"drawing on the CPU: {reason}")
    if reason := why_not(avatar, asked):
        raise NoDevice(
            f"--device {asked} can not be used: {reason}; --device auto takes what there is"
        )
    return (
        _on_cuda(avatar, "asked for")
        if asked is Device.cuda
        else _on_tensorrt(avatar, plans, report)
    )


def plan_for(avatar: Avatar, plans: Plans | None = None, report: Report = lambda *_: None) -> str:
    """Build the TensorRT plan now, unless it is there. Gives a line for people.

    Raises NoDevice where it can not be built here, ModelMismatch where TensorRT can not.
    """
    if reason := why_not(avatar, Device.tensorrt):
        raise NoDevice(f"no TensorRT plan can be built: {reason}")
    plans, key = plans or Plans(), _key(avatar)
    if plans.find(key):
        return f"the TensorRT plan for {key.gpu} was there already"
    _build(avatar, plans, key, report)
    return f"TensorRT plan for {key.gpu} built"


def _on_cpu(avatar: Avatar) -> Drawing:
    return CanvasDrawing(avatar.face, avatar.compositor)


def _on_cuda(avatar: Avatar, why: str) -> Drawn:
    frame = _frame(avatar)
    models = {size: cuda.CudaGraph(frame, size) for size in SIZES}
    precision = models[1].metadata.get("precision", "unknown precision")
    drawing = FrameDrawing(models, (avatar.height, avatar.width))
    return Drawn(
        drawing, f"drawing on {_gpu().name} by CUDA, {why}: {precision}, up to {SIZES[-1]} at once"
    )


def _on_tensorrt(avatar: Avatar, plans: Plans | None, report: Report) -> Drawn:
    plans, key = plans or Plans(), _key(avatar)
    plan = plans.find(key)
    if plan is not None:
        return Drawn(_of_plan(avatar, plan), f"drawing on {key.gpu} by TensorRT {key.version}")
    meanwhile = drawing_on(avatar, Device.auto)
    relay = Relay(meanwhile.drawing)

    def work() -> None:
        try:
            relay.hand_over(_of_plan(avatar, _build(avatar, plans, key, report)))
        except AvatarEngineError as error:
            logger.error("TensorRT does not take over: %s", error)
        else:
            logger.warning("drawing on %s by TensorRT %s from now on", key.gpu, key.version)

    threading.Thread(target=work, name=f"plan of {avatar.name}", daemon=True).start()
    return Drawn(relay, f"building a TensorRT plan for {key.gpu}; until then {meanwhile.line}")


def _of_plan(avatar: Avatar, plan: bytes) -> Drawing:
    model = tensorrt.TensorRtModel(plan, SIZES[-1])
    return FrameDrawing(dict.fromkeys(SIZES, model), (avatar.height, avatar.width))


def _build(avatar: Avatar, plans: Plans, key: PlanKey, report: Report) -> bytes:
    report("building the TensorRT plan", 0.0)
    built = tensorrt.build(_frame(avatar), SIZES[-1], plans.timings(key), progress=report)
    plans.keep(key, built.plan, built.timings)
    return built.plan


def _key(avatar: Avatar) -> PlanKey:
    return PlanKey.of(_frame(avatar), _gpu().name, tensorrt.tensorrt().__version__, SIZES[-1])


def _gpu() -> Gpu:
    gpu = find_gpu()
    if isinstance(gpu, str):
        raise NoDevice(f"got no GPU ({gpu}), expected the one that was there a moment ago")
    return gpu


def _frame(avatar: Avatar) -> bytes:
    assert avatar.frame is not None, "checked by why_not"
    return avatar.frame
