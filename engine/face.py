"""The face model: motion in, canvas out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelMismatch
from engine.motion import ARKIT
from engine.runtime.onnx import OnnxModel

__all__ = ["Canvas", "FaceModel"]


@dataclass(frozen=True)
class Canvas:
    """What changes in the face's square, float32; N is the canvas's side.

    flow:   ``[N, N, 2]``: the photo is looked up at (x, y) + flow, in canvas widths.
    cover:  ``[N, N, 4]``: RGB 0 to 1 premultiplied by alpha, then alpha.
    """

    flow: NDArray[np.float32]
    cover: NDArray[np.float32]


class FaceModel:
    """``face.onnx`` of a bundle: immutable, shared by all sessions of an avatar.

    size: N, the side of its canvas in pixels.

    Raises ModelMismatch unless it maps ``face [1, 52]`` to ``flow``, ``alpha`` and ``colour``.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        self._model = OnnxModel(model, threads)
        inputs, outputs = self._model.inputs, self._model.outputs
        wanted = {"flow": 2, "alpha": 1, "colour": 3}
        sides = {side for shape in outputs.values() for side in shape[2:]}
        self.size = next(iter(sides), 0)
        square = {name: (1, n, self.size, self.size) for name, n in wanted.items()}
        if inputs != {"face": (1, len(ARKIT))} or outputs != square:
            raise ModelMismatch(
                f"the face model maps {inputs} to {outputs}, expected face [1, 52] to "
                "flow [1, 2, N, N], alpha [1, 1, N, N] and colour [1, 3, N, N]: export it anew"
            )

    def canvas(self, face: NDArray[np.float32]) -> Canvas:
        """``[52]`` coefficients -> the canvas."""
        out = self._model.run({"face": np.ascontiguousarray(face[None], np.float32)})
        alpha, colour = out["alpha"][0], out["colour"][0]
        cover = np.concatenate([colour * alpha, alpha])
        return Canvas(
            np.ascontiguousarray(out["flow"][0].transpose(1, 2, 0)),
            np.ascontiguousarray(cover.transpose(1, 2, 0)),
        )
