"""Smooth shapes, as coverage of pixels: Tk's own circles and corners have steps.

Each shape is a signed distance, negative inside; a pixel is covered as far as its middle lies in.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Coverage",
    "arc",
    "capsule",
    "coverage",
    "disc",
    "outline",
    "painted",
    "ppm",
    "rounded",
    "thumbnail",
]

Coverage = NDArray[np.float32]
Distance = NDArray[np.float64]


def _pixels(width: int, height: int) -> tuple[Distance, Distance]:
    y, x = np.mgrid[:height, :width] + 0.5
    return x, y


def coverage(distance: Distance) -> Coverage:
    """``[H, W]`` float32, 0 to 1."""
    return np.clip(0.5 - distance, 0.0, 1.0).astype(np.float32)


def rounded(width: int, height: int, radius: float, inset: float = 0.0) -> Distance:
    """A rectangle with round corners that fills the picture but for ``inset`` pixels."""
    x, y = _pixels(width, height)
    half_w, half_h = width / 2 - inset, height / 2 - inset
    radius = max(min(radius, half_w, half_h), 0.0)
    across = np.abs(x - width / 2) - half_w + radius
    down = np.abs(y - height / 2) - half_h + radius
    outside = np.hypot(np.maximum(across, 0), np.maximum(down, 0))
    result: Distance = outside + np.minimum(np.maximum(across, down), 0) - radius
    return result


def disc(width: int, height: int, middle: tuple[float, float], radius: float) -> Distance:
    x, y = _pixels(width, height)
    result: Distance = np.hypot(x - middle[0], y - middle[1]) - radius
    return result


def capsule(
    width: int, height: int, start: tuple[float, float], end: tuple[float, float], thick: float
) -> Distance:
    """A line with round ends."""
    x, y = _pixels(width, height)
    along = np.subtract(end, start)
    length = max(float(along @ along), 1e-9)
    share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / length, 0, 1)
    away = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
    result: Distance = away - thick / 2
    return result


def arc(
    width: int, height: int, middle: tuple[float, float], radius: float, thick: float
) -> Distance:
    """The lower half of a circle's line."""
    x, y = _pixels(width, height)
    ring = np.abs(np.hypot(x - middle[0], y - middle[1]) - radius) - thick / 2
    return np.maximum(ring, middle[1] - y)


def outline(distance: Distance, thick: float) -> Distance:
    """The border of a shape, inside it."""
    result: Distance = np.abs(distance + thick / 2) - thick / 2
    return result


def rgb(colour: str) -> NDArray[np.float32]:
    """``[3]`` of "#rrggbb", 0 to 255."""
    return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)], np.float32)


def painted(
    ground: str | NDArray[np.uint8], *layers: tuple[Coverage, str], size: tuple[int, int] = (0, 0)
) -> NDArray[np.uint8]:
    """``[H, W, 3]`` uint8 RGB: colours over a ground, each where its coverage is.

    ground: a colour as "#rrggbb", of the size of the first layer or of ``size`` (width, height); or
            a picture.
    """
    if isinstance(ground, str):
        height, width = layers[0][0].shape if layers else (size[1], size[0])
        out = np.broadcast_to(rgb(ground), (height, width, 3)).astype(np.float32)
    else:
        out = ground.astype(np.float32)
    for covered, colour in layers:
        out = out + covered[..., None] * (rgb(colour) - out)
    return np.rint(out).astype(np.uint8)


def ppm(image: NDArray[np.uint8]) -> bytes:
    """``[H, W, 3]`` RGB as Tk reads it fastest: no compression."""
    height, width = image.shape[:2]
    return b"P6 %d %d 255\n" % (width, height) + np.ascontiguousarray(image).tobytes()


def thumbnail(jpg: bytes, side: int) -> NDArray[np.uint8]:
    """``[side, side, 3]`` RGB of a JPEG, its middle."""
    bgr = cv2.imdecode(np.frombuffer(jpg, np.uint8), cv2.IMREAD_COLOR)
    height, width = bgr.shape[:2]
    least = min(height, width)
    y, x = (height - least) // 2, (width - least) // 2
    part = cv2.resize(bgr[y : y + least, x : x + least], (side, side), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(part, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
