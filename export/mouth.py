"""The inside of the mouth, drawn from an atlas of flat layers: tongue, both rows of teeth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["ATLAS_FOLDER", "LAYERS", "PIXELS_PER_CM", "Layer", "Mouth", "bite_offset"]

ATLAS_FOLDER = Path(__file__).parent / "resources" / "mouth_atlas"
# From back to front; the names are those of export.basis.ANCHORS.
LAYERS = ("tongue", "lower_teeth", "upper_teeth")
PIXELS_PER_CM = 48
_CAVITY = np.array([0.20, 0.07, 0.07], np.float32)
_ATLAS_WHITE = 0.92  # enamel in the atlas's full light
# What is left of a layer's light where the lips shade it.
_IN_SHADOW = {"tongue": 0.45, "lower_teeth": 0.50, "upper_teeth": 0.62}


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


@dataclass(frozen=True)
class Mouth:
    """Draws the inside of one person's mouth.

    white: ``[3]`` RGB 0 to 1, how white looks in the photo's light (the white of the eyes):
           it gives the interior its exposure and tint.
    """

    white: NDArray[np.float32]

    def draw(
        self,
        hole: NDArray[np.float32],
        placements: dict[str, NDArray[np.float64]],
        tongue_out: float = 0.0,
    ) -> NDArray[np.float32]:
        """Interior colour over the whole canvas, valid inside ``hole``: ``[N, N, 3]`` RGB 0 to 1.

        hole: ``[N, N]`` coverage of the mouth opening.
        placements: layer -> ``[2, 3]`` affine map, atlas (anchor at 0, 0) to canvas pixels.
        """
        size = hole.shape[0]
        span = max(float(hole.sum(0).max()), 1.0)
        # Light comes from above and in front, so the upper lip throws a shadow.
        shift = np.array([[1, 0, 0], [0, 1, 0.30 * span]], np.float32)
        lit = cv2.GaussianBlur(cv2.warpAffine(hole, shift, (size, size)), (0, 0), 0.22 * span + 0.6)
        near_rim = cv2.GaussianBlur(hole, (0, 0), 0.08 * span + 0.6)
        lit = np.clip(lit * near_rim * 1.6, 0, 1)[..., None]

        canvas = _CAVITY * (0.35 + 0.65 * lit)
        for name in LAYERS:
            layer = Layer.load_all()[name]
            matrix = placements[name].copy()
            if name == "tongue":
                matrix[:, 2] += matrix[:, :2] @ (0.0, -0.5 * PIXELS_PER_CM * tongue_out)
            matrix[:, 2] -= matrix[:, :2] @ layer.origin
            rgba = np.dstack([layer.rgba[..., :3] * layer.rgba[..., 3:], layer.rgba[..., 3:]])
            placed = cv2.warpAffine(rgba, matrix, (size, size), flags=cv2.INTER_LINEAR)
            shaded = placed[..., :3] * (_IN_SHADOW[name] + (1 - _IN_SHADOW[name]) * lit)
            canvas = canvas * (1 - placed[..., 3:]) + shaded
        return np.clip(canvas * self.white / _ATLAS_WHITE, 0, 1).astype(np.float32)
