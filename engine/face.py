"""The face model: motion in, canvas out.

The lite family draws what changes in the photo. Generators that users bring draw a whole picture,
which covers the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelMismatch
from engine.motion import ARKIT
from engine.runtime.onnx import OnnxModel

__all__ = ["FIELDS", "PICTURE", "Canvas", "FaceModel"]

# What a face model draws on its canvas, and how many channels each has, in the generator's order.
FIELDS = {"flow": 2, "alpha": 1, "colour": 3, "light": 1, "tongue": 1}
PICTURE = {"rgb": 3}  # the stylegan families: RGB 0 to 1


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

    Raises ModelMismatch unless it maps ``face [1, 52]`` to ``FIELDS`` and the jaw, or to
    ``PICTURE``.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        self._model = OnnxModel(model, threads)
        inputs, outputs = self._model.inputs, self._model.outputs
        # A symbolic side is no side: the model is refused below.
        sides = {s for shape in outputs.values() for s in shape[2:] if isinstance(s, int)}
        self.size = next(iter(sides), 0)
        fields, picture = (
            {name: (1, n, self.size, self.size) for name, n in channels.items()}
            for channels in (FIELDS, PICTURE)
        )
        self._paints = outputs == picture
        if inputs != {"face": (1, len(ARKIT))} or outputs not in (
            fields | {"jaw": (1, 2)},
            picture,
        ):
            told = ", ".join(f"{name} [1, {n}, N, N]" for name, n in FIELDS.items())
            raise ModelMismatch(
                f"the face model maps {inputs} to {outputs}, expected face [1, 52] to {told} and "
                "jaw [1, 2], or to rgb [1, 3, N, N]: export it anew"
            )

    def canvas(self, face: NDArray[np.float32]) -> Canvas:
        """``[52]`` coefficients -> the canvas."""
        out = self._model.run({"face": np.ascontiguousarray(face[None], np.float32)})
        if self._paints:
            return _painted(out["rgb"][0])
        alpha, colour = out["alpha"][0], out["colour"][0]
        cover = np.concatenate([colour * alpha, alpha])
        mouth = np.concatenate([out["light"][0], out["tongue"][0]])
        return Canvas(
            np.ascontiguousarray(out["flow"][0].transpose(1, 2, 0)),
            np.ascontiguousarray(cover.transpose(1, 2, 0)),
            np.ascontiguousarray(mouth.transpose(1, 2, 0)),
            out["jaw"][0],
        )


def _painted(rgb: NDArray[np.float32]) -> Canvas:
    """``[3, N, N]`` that covers the photo; the compositor fades it out towards its border."""
    size = rgb.shape[-1]
    cover = np.ones((size, size, 4), np.float32)
    cover[..., :3] = rgb.transpose(1, 2, 0).clip(0, 1)
    nothing = np.zeros((size, size, 2), np.float32)
    return Canvas(nothing, cover, nothing, np.zeros(2, np.float32))
