"""Things before a face, drawn: dark glasses, fingers, a cloth mask."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from export.landmarks import canthus_distance

__all__ = ["fingers", "mask", "sunglasses"]

_CHEEKS = [50, 280, 205, 425, 101, 330]
_LOWER_FACE = [234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397,
               288, 361, 323, 454, 346, 6, 117]  # fmt: skip


def _over(
    image: NDArray[np.uint8], colour: NDArray[np.float64], cover: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """``colour`` ([3] or an image) laid over by ``cover [H, W]`` 0 to 1."""
    soft = cv2.GaussianBlur(cover, (0, 0), max(image.shape[0] / 600, 0.7))[..., None]
    return np.clip(image * (1 - soft) + colour * soft, 0, 255).astype(np.uint8)


def sunglasses(
    image: NDArray[np.uint8], landmarks: NDArray[np.float32], dark: float = 0.9
) -> NDArray[np.uint8]:
    """Lenses that let ``1 - dark`` of the light through, sky in their upper halves, and a frame."""
    unit = float(canthus_distance(landmarks))
    height, width = image.shape[:2]
    lenses, frame = np.zeros((height, width)), np.zeros((height, width))
    right, left = landmarks[[468, 473], :2] + (0, 0.04 * unit)
    across = left - right
    angle = float(np.degrees(np.arctan2(across[1], across[0])))
    for eye in (right, left):
        shape = (tuple(map(float, eye)), (0.66 * unit, 0.52 * unit), angle)
        cv2.ellipse(lenses, shape, 1.0, -1)
        cv2.ellipse(frame, shape, 1.0, max(int(0.03 * unit), 1))
    for a, b in ((right + 0.3 * across, left - 0.3 * across),):
        cv2.line(frame, a.astype(int).tolist(), b.astype(int).tolist(), 1.0, int(0.05 * unit) + 1)
    sky = np.linspace(1, 0, height)[:, None, None] * np.array([30.0, 34, 40]) + 8
    tinted = image * (1 - dark) + sky * dark
    return _over(_over(image, tinted, lenses), np.array([18.0, 16, 15]), frame)


def fingers(
    image: NDArray[np.uint8],
    landmarks: NDArray[np.float32],
    tone: float = 0.95,
    slant: float = 12.0,
    count: int = 4,
) -> NDArray[np.uint8]:
    """``count`` fingers of the person's own skin, lit from above, lying across the mouth.

    tone: their brightness over the cheeks'. slant: degrees off the horizontal.
    """
    unit = float(canthus_distance(landmarks))
    height, width = image.shape[:2]
    at = landmarks[_CHEEKS, :2].astype(int)
    skin = np.median(image[at[:, 1].clip(0, height - 1), at[:, 0].clip(0, width - 1)], axis=0)
    mouth = landmarks[[13, 14], :2].mean(0).astype(float)
    along = np.array([np.cos(np.radians(slant)), np.sin(np.radians(slant))])
    down = np.array([-along[1], along[0]])
    y, x = np.mgrid[:height, :width]
    out = image.astype(np.float64)
    thick = 0.20 * unit
    for k in range(count):
        middle = mouth + down * thick * 0.95 * (k - (count - 1) / 2)
        tip = middle + along * unit * (0.55 - 0.06 * abs(k - 1))
        back = middle - along * unit * 1.2
        length = np.linalg.norm(tip - back)
        t = np.clip(((x - back[0]) * along[0] + (y - back[1]) * along[1]) / length, 0, 1)
        px, py = back[0] + t * length * along[0], back[1] + t * length * along[1]
        distance = np.hypot(x - px, y - py) / (thick / 2)
        height_above = ((y - py) * down[1] + (x - px) * down[0]) / (thick / 2)
        shade = tone * (1.02 - 0.16 * height_above - 0.18 * np.clip(distance, 0, 1) ** 4)
        cover = np.clip((1.0 - distance) * thick / 3, 0, 1)[..., None]
        out = out * (1 - cover) + skin * shade[..., None] * cover
    return np.clip(out, 0, 255).astype(np.uint8)


def mask(
    image: NDArray[np.uint8],
    landmarks: NDArray[np.float32],
    colour: tuple[int, int, int] = (150, 190, 205),
) -> NDArray[np.uint8]:
    """A cloth from the bridge of the nose to under the chin, with three pleats."""
    height, width = image.shape[:2]
    outline = landmarks[_LOWER_FACE, :2]
    cover = np.zeros((height, width))
    cv2.fillPoly(cover, [np.round(cv2.convexHull(outline)).astype(np.int32)], 1.0)
    unit = float(canthus_distance(landmarks))
    rows = np.arange(height)[:, None, None] / (0.28 * unit)
    cloth = np.array(colour, np.float64) * (0.94 + 0.06 * np.cos(2 * np.pi * rows))
    return _over(image, np.broadcast_to(cloth, image.shape), cover)
