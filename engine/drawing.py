"""From motion to frame, whatever draws: a CPU, or a GPU that draws for many sessions at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.batching import Batcher
from engine.compositor import Compositor
from engine.errors import ModelMismatch
from engine.face import FaceModel
from engine.motion import ARKIT, Motion
from engine.runtime.model import Model

__all__ = ["FRAME_FORMAT", "SIZES", "CanvasDrawing", "Drawing", "FrameDrawing", "Relay"]

FRAME_FORMAT = "avatar-engine frame 1"
# A CUDA graph is of one batch; a batch in between is filled up to the next size.
SIZES = (1, 2, 4, 8, 16)


class Drawing(Protocol):
    """Of one avatar; shared by its sessions, safe to call from several threads."""

    def draw(self, motion: Motion) -> NDArray[np.uint8]:
        """The frame, ``[H, W, 3]`` uint8 RGB."""
        ...


class CanvasDrawing:
    """``face.onnx`` gives a canvas, the compositor warps the photo by it: the form for CPUs."""

    def __init__(self, face: FaceModel, compositor: Compositor) -> None:
        self._face = face
        self._compositor = compositor

    def draw(self, motion: Motion) -> NDArray[np.uint8]:
        """As :class:`Drawing` says."""
        return self._compositor.draw(self._face.canvas(motion.face), motion.head)


class FrameDrawing:
    """``frame.onnx`` gives the frame: the form for GPUs, in batches of whoever asks.

    models: batch -> the model that takes just as many rows of ``face [B, 52]`` and ``head [B, 3]``
            and gives ``frame [B, H, W, 3]`` uint8; one that takes any number may stand for several.
    shape:  height and width of the avatar's frames.

    Raises ModelMismatch for models that do something else.
    """

    def __init__(self, models: Mapping[int, Model], shape: tuple[int, int]) -> None:
        for model in models.values():
            _check(model, shape)
        self._models = dict(sorted(models.items()))
        self._batcher: Batcher[Motion, NDArray[np.uint8]] = Batcher(self._serve, max(models))

    def draw(self, motion: Motion) -> NDArray[np.uint8]:
        """As :class:`Drawing` says; waits while the batch before is drawn."""
        return self._batcher(motion)

    def _serve(self, motions: Sequence[Motion]) -> list[NDArray[np.uint8]]:
        rows = next(size for size in self._models if size >= len(motions))
        face = np.zeros((rows, len(ARKIT)), np.float32)
        head = np.zeros((rows, 3), np.float32)
        for k, motion in enumerate(motions):
            face[k], head[k] = motion.face, motion.head
        frames: NDArray[np.uint8] = self._models[rows].run({"face": face, "head": head})["frame"]
        return list(frames[: len(motions)])


class Relay:
    """Draws with one drawing until another takes over: what is there serves until then."""

    def __init__(self, first: Drawing) -> None:
        self._current = first

    def draw(self, motion: Motion) -> NDArray[np.uint8]:
        """As :class:`Drawing` says."""
        return self._current.draw(motion)

    def hand_over(self, to: Drawing) -> None:
        """From the next frame on. What is being drawn is finished as it was begun."""
        self._current = to


def _check(model: Model, shape: tuple[int, int]) -> None:
    inputs = {name: found[1:] for name, found in model.inputs.items()}
    outputs = {name: found[1:] for name, found in model.outputs.items()}
    wanted = {"face": (len(ARKIT),), "head": (3,)}, {"frame": (*shape, 3)}
    if (inputs, outputs) != wanted:
        raise ModelMismatch(
            f"the frame model maps {model.inputs} to {model.outputs}, expected face [B, 52] and "
            f"head [B, 3] to frame [B, {shape[0]}, {shape[1]}, 3]: export it anew"
        )
