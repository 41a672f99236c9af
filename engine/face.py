"""The face model: motion in, canvas out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelMismatch
from engine.motion import ARKIT
from engine.runtime.onnx import OnnxModel

__all__ = ["FIELDS", "Canvas", "FaceModel"]

# What a face model draws on its canvas, and how many channels each has, in the generator's order.
FIELDS = {"flow": 2, "alpha": 1, "colour": 3, "light": 1, "tongue": 1}


@dataclass(frozen=True)
class Canvas:
    """What changes in the face's square, float32; N is the canvas's side.

    flow:   ``[N, N, 2]``: the photo is looked up at (x, y) + flow, in canvas widths.
    cover:  ``[N, N, 4]``: RGB 0 to 1 premultiplied by alpha, then alpha; a mouth without teeth.
    mouth:  ``[N, N, 2]``: 0 to 1, how much light falls on teeth, and how much the tongue hides the
            lower ones.
    jaw:    ``[2]``: how far the lower teeth are from where they rest, in canvas widths.
    """

    flow: NDArray[np.float32]
    cover: NDArray[np.float32]
    mouth: NDArray[np.float32]
    jaw: NDArray[np.float32]


class FaceModel:
    """``face.onnx`` of a bundle: immutable, shared by all sessions of an avatar.

    size: N, the side of its canvas in pixels.

    Raises ModelMismatch unless it maps ``face [1, 52]`` to the fields of :class:`Canvas`.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        self._model = OnnxModel(model, threads)
        inputs, outputs = self._model.inputs, self._model.outputs
        # A symbolic side is no side: the model is refused below.
        sides = {s for shape in outputs.values() for s in shape[2:] if isinstance(s, int)}
        self.size = next(iter(sides), 0)
        wanted: dict[str, tuple[int | str, ...]] = {
            name: (1, n, self.size, self.size) for name, n in FIELDS.items()
        }
        if inputs != {"face": (1, len(ARKIT))} or outputs != wanted | {"jaw": (1, 2)}:
            fields = ", ".join(f"{name} [1, {n}, N, N]" for name, n in FIELDS.items())
            raise ModelMismatch(
                f"the face model maps {inputs} to {outputs}, expected face [1, 52] to {fields} and "
                "jaw [1, 2]: export it anew"
            )

    def canvas(self, face: NDArray[np.float32]) -> Canvas:
        """``[52]`` coefficients -> the canvas."""
        out = self._model.run({"face": np.ascontiguousarray(face[None], np.float32)})
        alpha, colour = out["alpha"][0], out["colour"][0]
        cover = np.concatenate([colour * alpha, alpha])
        mouth = np.concatenate([out["light"][0], out["tongue"][0]])
        return Canvas(
            np.ascontiguousarray(out["flow"][0].transpose(1, 2, 0)),
            np.ascontiguousarray(cover.transpose(1, 2, 0)),
            np.ascontiguousarray(mouth.transpose(1, 2, 0)),
            out["jaw"][0],
        )
