"""Photos that smile: the teeth that they show, and the seam of lips that were closed over them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.teeth import Teeth
from export.light import LUMA

__all__ = ["Smile", "own_teeth", "seam_layer"]

_SEAM = 0.012  # width of the dark line between closed lips, canthus distances
_PARTED = 0.06  # lips this far apart have no seam, canthus distances


@dataclass(frozen=True)
class Smile:
    """image: ``[H, W, 3]`` uint8 RGB of an open mouth. outline: ``[P, 2]``, the opening; edge:
    ``[2]``, where the upper teeth end; both in canvas units."""

    image: NDArray[np.uint8]
    outline: NDArray[np.float64]
    edge: NDArray[np.float64]


def own_teeth(teeth: Teeth, smile: Smile, matrix: NDArray[np.float64]) -> Teeth:
    """Put the teeth that a smile shows over the upper layer.

    matrix: ``[2, 3]``, canvas units to pixels of the image and of the layers' frame.
    """
    image = smile.image
    outline = smile.outline @ matrix[:, :2].T + matrix[:, 2]
    edge = float((matrix[:, :2] @ smile.edge + matrix[:, 2])[1])
    x0, y0 = teeth.origin.astype(int)
    height, width = teeth.upper.shape[:2]
    # Layers may reach out of the frame.
    shift = np.array([[1.0, 0, -x0], [0, 1, -y0]])
    mouth = cv2.warpAffine(image, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
    mouth = mouth.astype(np.float32) / 255
    inside = np.zeros((height, width), np.float32)
    cv2.fillPoly(inside, [np.round(outline - (x0, y0)).astype(np.int32)], 1.0)
    inside[np.arange(height) > edge - y0] = 0
    soft = max(0.02 * float(np.ptp(outline[:, 0])), 0.8)
    bright = mouth @ LUMA.astype(np.float32)
    if inside.sum() < 16:
        return teeth
    enamel = np.quantile(bright[inside > 0], 0.9)
    # Enamel is bright and pale; lips, gum and the dark behind the teeth are not.
    pale = mouth.min(-1) / np.maximum(mouth.max(-1), 1e-3)
    paleness = np.quantile(pale[(inside > 0) & (bright >= 0.8 * enamel)], 0.5)
    tooth = inside * (bright > 0.62 * enamel) * (pale > 0.8 * paleness)
    tooth = cv2.morphologyEx(tooth, cv2.MORPH_CLOSE, np.ones((3, 3)))
    mask = cv2.GaussianBlur(cv2.erode(tooth, np.ones((3, 3))), (0, 0), soft)[..., None]
    upper = teeth.upper.astype(np.float32) / 255
    # The drawn teeth beside them take on their light.
    drawn = upper[(tooth > 0) & (upper[..., 3] > 0.9)][:, :3]
    if len(drawn) >= 16:
        seen = np.median(mouth[tooth > 0], axis=0)
        upper[..., :3] *= np.clip(seen / np.maximum(np.median(drawn, axis=0), 1e-3), 0.5, 2)
    rgb = upper[..., :3] * (1 - mask) + mouth * mask
    alpha = np.maximum(upper[..., 3:], mask)
    both = np.concatenate([rgb, alpha], -1)
    return replace(teeth, upper=np.rint(np.clip(both, 0, 1) * 255).astype(np.uint8))


def seam_layer(
    upper: NDArray[np.float64], lower: NDArray[np.float64], unit: float, size: int
) -> NDArray[np.float32]:
    """Cover ``[size, size]`` of the dark line between lips, gone when they part.

    upper, lower: ``[P, 2]`` inner lip landmarks in canvas units, corner to corner.
    unit: the canthus distance in the same units.

    Teeth at the rim of an opening stay as specks along the seam when it is warped shut.
    """
    parted = float((lower[:, 1] - upper[:, 1]).max()) / unit
    strength = float(np.clip(1 - parted / _PARTED, 0, 1))
    cover = np.zeros((size, size), np.float32)
    if strength == 0:
        return cover
    line = np.round((upper + lower) / 2 * size * 16).astype(np.int32)
    width = max(1, round(_SEAM * unit * size))
    drawn = np.zeros((size, size), np.uint8)
    cv2.polylines(drawn, [line], False, 255, width, cv2.LINE_AA, shift=4)
    cover = cv2.GaussianBlur(drawn, (0, 0), max(0.5 * width, 0.6)).astype(np.float32) / 255
    return cover * strength
