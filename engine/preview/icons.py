"""The icons of the preview window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.preview import shapes
from engine.preview.shapes import Coverage

__all__ = ["application", "microphone", "microphone_off"]


def application(size: int, ground: str, ink: str) -> NDArray[np.uint8]:
    """``[size, size, 3]`` RGB: what stands in the title and in the task bar."""
    inner = size * 5 // 8
    at = (size - inner) // 2
    image = shapes.painted(ground, size=(size, size))
    part = image[at : at + inner, at : at + inner]
    part[:] = shapes.painted(part, (microphone(inner), ink))
    return image


def microphone(size: int) -> Coverage:
    """``[size, size]``."""
    return shapes.coverage(_microphone(size))


def microphone_off(size: int) -> Coverage:
    """``[size, size]``, struck through."""
    u = size / 18
    start, end = (2.5 * u, 2.5 * u), (15.5 * u, 15.5 * u)
    slash = shapes.capsule(size, size, start, end, 1.8 * u)
    gap = shapes.capsule(size, size, start, end, 4.6 * u)
    rest = np.minimum(shapes.coverage(_microphone(size)), 1 - shapes.coverage(gap))
    return np.maximum(rest, shapes.coverage(slash))


def _microphone(size: int) -> shapes.Distance:
    u = size / 18
    x = 9 * u
    body = shapes.capsule(size, size, (x, 4.6 * u), (x, 8.6 * u), 5.6 * u)
    bow = shapes.arc(size, size, (x, 8.6 * u), 5 * u, 1.6 * u)
    stem = shapes.capsule(size, size, (x, 13.8 * u), (x, 15.6 * u), 1.6 * u)
    foot = shapes.capsule(size, size, (6.4 * u, 15.9 * u), (11.6 * u, 15.9 * u), 1.6 * u)
    result: shapes.Distance = np.minimum.reduce([body, bow, stem, foot])
    return result
