"""Closing eyes: what the puppet paints over an eye when the photo's own skin will not do."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.motion import ARKIT_INDEX
from export.landmarks import EYES
from export.light import LUMA, sample
from export.raster import polygon_coverage

__all__ = ["EyePaint", "blinks"]

# How far above the resting margin a painted lid reaches, in eye openings.
_CREASE = 0.30

# A layer of paint: cover ``[N, N]`` 0 to 1, colour ``[3]`` RGB 0 to 1.
Layer = tuple[NDArray[np.float32], NDArray[np.float32]]


def blinks(face: NDArray[np.floating]) -> tuple[float, float]:
    """Lid closure of the right and the left eye, 0 to 1."""
    return float(face[ARKIT_INDEX["eyeBlinkRight"]]), float(face[ARKIT_INDEX["eyeBlinkLeft"]])


class EyePaint:
    """Painted lids and lashes of one person.

    image: ``[H, W, 3]`` uint8 RGB. landmarks: ``[478, 3]`` in its pixels.
    """

    def __init__(self, image: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> None:
        self._lids = tuple(_lid(image, landmarks, eye) for eye in (0, 1))
        self._lashes = _lash_colour(image, landmarks)

    def layers(
        self,
        face: NDArray[np.floating],
        rest: NDArray[np.float64],
        points: NDArray[np.float64],
        size: int,
    ) -> list[Layer]:
        """Layers from back to front at a motion.

        rest, points: ``[468, 2]`` landmarks in canvas units, at rest and at the motion.
        """
        return [*self._lid_layers(face, rest, points, size), self._lash_layer(face, points, size)]

    def _lid_layers(
        self,
        face: NDArray[np.floating],
        rest: NDArray[np.float64],
        points: NDArray[np.float64],
        size: int,
    ) -> list[Layer]:
        """Painted lids, for eyes whose own lid skin is not to be seen."""
        layers = []
        for lid, (upper, lower), blink in zip(self._lids, EYES, blinks(face), strict=True):
            if lid.paint * blink < 0.05:
                continue
            crease = rest[list(upper)] - _CREASE * (rest[list(lower)] - rest[list(upper)])
            outline = np.concatenate([crease, points[list(upper)][::-1]]) * size
            width = float(np.linalg.norm(outline[0] - outline[len(upper) - 1]))
            swept = polygon_coverage(outline, size, 1)
            swept = cv2.GaussianBlur(swept, (0, 0), 0.05 * width)
            layers.append((swept * (0.92 * lid.paint * min(1.0, 1.5 * blink)), lid.tone))
        return layers

    def _lash_layer(
        self, face: NDArray[np.floating], points: NDArray[np.float64], size: int
    ) -> Layer:
        """The lash line, drawn along an upper lid as it closes."""
        cover = np.zeros((size, size), np.float32)
        for (upper, _), blink in zip(EYES, blinks(face), strict=True):
            if blink < 0.05:
                continue
            row = points[list(upper)] * size
            width = float(np.linalg.norm(row[0] - row[-1]))
            line = np.zeros((size, size), np.uint8)
            thick = max(1, round(0.055 * width))
            curve = np.round(row * 16).astype(np.int32)
            cv2.polylines(line, [curve], False, 255, thick, cv2.LINE_AA, shift=4)
            soft = cv2.GaussianBlur(line, (0, 0), max(0.012 * width, 0.4)).astype(np.float32) / 255
            cover = np.maximum(cover, soft * min(1.0, 1.2 * blink) * 0.8)
        return cover, self._lashes


@dataclass(frozen=True)
class _Lid:
    """tone: ``[3]`` RGB of the skin under the eye. paint: 0 to 1, how unfit the lid's own skin is
    to be stretched over the eye, because brow, lashes or shadow hide it."""

    tone: NDArray[np.float32]
    paint: float


def _lid(image: NDArray[np.uint8], landmarks: NDArray[np.float32], eye: int) -> _Lid:
    below = ((119, 118, 117, 101, 50), (348, 347, 346, 330, 280))[eye]
    tone = np.median(sample(image, landmarks[list(below), :2]), axis=0)
    upper, lower = (landmarks[list(row), :2] for row in EYES[eye])
    opening = (lower - upper)[1:-1]
    reached = np.concatenate([upper[1:-1] - k * opening for k in (0.25, 0.35, 0.45)])
    darkest = np.quantile(sample(image, reached) @ LUMA, 0.25)
    paint = float(np.clip((0.80 - darkest / max(tone @ LUMA, 1e-3)) / 0.25, 0, 1))
    return _Lid((0.90 * tone).astype(np.float32), paint)


def _lash_colour(image: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """The darkest tone along the upper lids, ``[3]`` RGB 0 to 1."""
    row = landmarks[[*EYES[0][0][2:-2], *EYES[1][0][2:-2]], :2]
    tones = np.concatenate([sample(image, row + np.array([0, k])) for k in (-1, 0, 1)])
    return np.quantile(tones, 0.15, axis=0).astype(np.float32)
