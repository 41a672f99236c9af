"""The inside of the mouth: from an atlas of flat layers, tongue and both rows of teeth.

Teeth are handed on as layers of their own (``engine.teeth``); the rest is painted on the canvas.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.motion import ARKIT_INDEX
from engine.teeth import Teeth
from export.basis import ANCHORS, LandmarkBasis
from export.fit import Fit

__all__ = ["ATLAS_FOLDER", "LAYERS", "PIXELS_PER_CM", "Layer", "Mouth", "bite_offset"]

ATLAS_FOLDER = Path(__file__).parent / "resources" / "mouth_atlas"
# From back to front; the names are those of export.basis.ANCHORS.
LAYERS = ("tongue", "lower_teeth", "upper_teeth")
PIXELS_PER_CM = 48
_CAVITY = np.array([0.38, 0.20, 0.18], np.float32)
_ATLAS_WHITE = 0.92  # enamel in the atlas's full light
_IN_SHADOW = {"tongue": 0.60, "teeth": 0.60}  # what is left of the light where the lips shade
# Where the biting edges are below the closed lips' seam, cm: the upper incisors end behind the
# lower lip, the lower ones end just behind the upper.
_BITE = {"upper_teeth": 0.20, "lower_teeth": -0.06, "tongue": -0.05}
_TONGUE_STAYS = 0.65  # of the jaw's way: the tongue is up for most sounds


@dataclass(frozen=True)
class Layer:
    """rgba: ``[h, w, 4]`` float32, straight alpha. origin: ``[2]`` pixel (x, y) of the anchor."""

    rgba: NDArray[np.float32]
    origin: NDArray[np.float32]

    @staticmethod
    def save_all(layers: dict[str, Layer], folder: Path) -> None:
        """Write ``NAME.png`` for each layer and ``atlas.json`` with the anchors."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, layer in layers.items():
            picture = np.round(layer.rgba[..., [2, 1, 0, 3]] * 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"{name}.png"), picture)
        origins = {name: [float(v) for v in layer.origin] for name, layer in layers.items()}
        (folder / "atlas.json").write_text(json.dumps(origins, indent=1) + "\n")

    @staticmethod
    @cache
    def load_all(folder: Path = ATLAS_FOLDER) -> dict[str, Layer]:
        """The shipped atlas, premultiplied nowhere, read once."""
        origins = json.loads((folder / "atlas.json").read_text())
        layers = {}
        for name in LAYERS:
            picture = cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_UNCHANGED)
            rgba = picture[..., [2, 1, 0, 3]].astype(np.float32) / 255
            layers[name] = Layer(rgba, np.array(origins[name], np.float32))
        return layers


def bite_offset(name: str) -> float:
    """Atlas pixels from a layer's anchor down to its biting edge (or the tip of the tongue)."""
    layer = Layer.load_all()[name]
    middle = int(layer.origin[0])
    rows = np.flatnonzero(layer.rgba[:, middle - 12 : middle + 12, 3].mean(1) > 0.7)
    edge = rows[-1] if name == "upper_teeth" else rows[0]
    return float(edge - layer.origin[1])


class Mouth:
    """The inside of one person's mouth.

    fitted: places the model's teeth and tongue. seam: ``[2]``, where the lips meet.
    edge: ``[2]`` where the upper teeth end, if a photo shows it.
    width: of the mouth at rest.
    enamel: ``[3]`` RGB 0 to 1, teeth in the photo's light; it gives all of the interior its
            exposure and tint.

    Lengths are in the units of the fit's pose.
    """

    def __init__(
        self,
        fitted: Fit,
        seam: NDArray[np.float64],
        width: float,
        enamel: NDArray[np.float32],
        edge: NDArray[np.float64] | None = None,
    ) -> None:
        self._width = width
        self._tone = enamel / _ATLAS_WHITE
        basis, pose = LandmarkBasis.load(), fitted.pose
        centres = basis.anchors_neutral + np.tensordot(fitted.identity, basis.anchors_identity, 1)
        self._moves = pose.project_displacement(centres, basis.anchors_expression)
        self._places = {}
        for k, name in enumerate(ANCHORS):
            step = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]]) + centres[k]
            origin, right, up = pose.project(step)
            columns = np.stack([right - origin, origin - up], 1) / PIXELS_PER_CM
            # The model's teeth sit somewhere behind the lips; this face's lips say where exactly.
            bite = seam + columns[:, 1] * _BITE[name] * PIXELS_PER_CM
            if name == "upper_teeth" and edge is not None:
                bite = edge
            self._places[name] = np.c_[columns, bite - columns[:, 1] * bite_offset(name)]

    @property
    def jaw(self) -> NDArray[np.float64]:
        """``[52, 2]``: how far each coefficient moves the lower teeth."""
        return self._moves[:, ANCHORS.index("lower_teeth")]

    def draw(
        self, hole: NDArray[np.float32], face: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """The interior without teeth over the whole canvas, valid inside ``hole``.

        hole: ``[N, N]`` coverage of the mouth opening, the canvas being the unit square.

        Returns colour ``[N, N, 3]``, the light on teeth ``[N, N]``, and how much the tongue hides
        the lower teeth ``[N, N]``: all 0 to 1.
        """
        size = hole.shape[0]
        span = max(float(hole.sum(0).max()), 1.0)
        # Light comes from above and in front, so the upper lip throws a shadow.
        shift = np.array([[1, 0, 0], [0, 1, 0.30 * span]], np.float32)
        lit = cv2.GaussianBlur(cv2.warpAffine(hole, shift, (size, size)), (0, 0), 0.22 * span + 0.6)
        near_rim = cv2.GaussianBlur(hole, (0, 0), 0.08 * span + 0.6)
        # Rounded lips let little light in.
        narrow = min(1.0, float(hole.any(0).sum()) / (0.85 * self._width * size))
        lit = np.clip(lit * near_rim * 1.6, 0, 1) * narrow

        out = float(face[ARKIT_INDEX["tongueOut"]])
        place = self._places["tongue"].copy()
        moved = np.tensordot(face, self._moves[:, ANCHORS.index("tongue")], 1)
        place[:, 2] += (1 - _TONGUE_STAYS) * moved
        place[:, 2] -= place[:, 1] * (0.5 * PIXELS_PER_CM * out)
        tongue = _placed(Layer.load_all()["tongue"], place * size, (size, size))
        shade = _IN_SHADOW["tongue"] + (1 - _IN_SHADOW["tongue"]) * lit
        cavity = _CAVITY * (0.35 + 0.65 * lit[..., None])
        colour = cavity * (1 - tongue[..., 3:]) + tongue[..., :3] * shade[..., None]
        light = _IN_SHADOW["teeth"] + (1 - _IN_SHADOW["teeth"]) * lit
        # Only a tongue on its way out passes over the lower teeth.
        over = tongue[..., 3] * np.clip((out - 0.35) / 0.3, 0, 1)
        return np.clip(colour * self._tone, 0, 1).astype(np.float32), light, over

    def teeth(self, matrix: NDArray[np.float64]) -> Teeth:
        """Both rows as layers of a frame. matrix: ``[2, 3]``, the mouth's units to frame pixels."""
        names = ("upper_teeth", "lower_teeth")
        placed = {}
        for name in names:
            place = matrix[:, :2] @ self._places[name]
            place[:, 2] += matrix[:, 2]
            placed[name] = place
        corners = []
        for name in names:
            layer = Layer.load_all()[name]
            height, width = layer.rgba.shape[:2]
            box = np.array([[0, 0], [width, 0], [0, height], [width, height]]) - layer.origin
            corners.append(box @ placed[name][:, :2].T + placed[name][:, 2])
        low = np.floor(np.concatenate(corners).min(0)).astype(int)
        width, height = np.ceil(np.concatenate(corners).max(0)).astype(int) - low
        layers = []
        for name in names:
            place = placed[name] - np.c_[np.zeros((2, 2)), low]
            premultiplied = _placed(Layer.load_all()[name], place, (int(width), int(height)))
            alpha = premultiplied[..., 3:]
            rgb = premultiplied[..., :3] / np.maximum(alpha, 1e-3) * self._tone
            rgba = np.concatenate([rgb, alpha], -1)
            layers.append(np.rint(np.clip(rgba, 0, 1) * 255).astype(np.uint8))
        return Teeth(layers[0], layers[1], low.astype(np.float64))


def _placed(layer: Layer, place: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float32]:
    """The layer on a canvas of ``size`` (width, height), premultiplied: ``[height, width, 4]``.

    place: ``[2, 3]``, atlas pixels around the layer's anchor to canvas pixels.
    """
    rgba = np.dstack([layer.rgba[..., :3] * layer.rgba[..., 3:], layer.rgba[..., 3:]])
    shrink = min(1.0, float(np.sqrt(abs(np.linalg.det(place[:, :2])))))
    if shrink < 1:  # warpAffine does not average; shrink first
        rgba = cv2.resize(rgba, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    scale = np.array([layer.rgba.shape[1] / rgba.shape[1], layer.rgba.shape[0] / rgba.shape[0]])
    matrix = np.c_[place[:, :2] * scale, place[:, 2] - place[:, :2] @ layer.origin]
    # Pixel centres: OpenCV counts them from 0, our geometry from 0.5.
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    return cv2.warpAffine(rgba, matrix, size, flags=cv2.INTER_LINEAR)
