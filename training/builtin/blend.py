"""One face from many: shape by mean, skin by a mean that keeps its texture.

Averaging pictures averages away what differs, and skin texture is all difference. After Tiddeman
et al., "Prototyping and Transforming Facial Textures" (IEEE CG&A 2001), the mean's band-pass
layers are therefore amplified, locally, to the energy that the single faces have there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from export.landmarks import OUTER_LIPS
from training.builtin.portraits import Portrait, eye_similarity
from training.builtin.warp import correspondences, lookup, register, sample

__all__ = ["SKIN_POINTS", "Face", "blend_faces", "mean_shape"]

_LOG_FLOOR = 0.03
_BANDS = (1.2, 2.4, 4.8, 9.6)  # standard deviations in pixels at 768
_ENERGY_RADIUS = 14.0
_GAIN_LIMIT = 2.0
_OUTLIER_SCALE = 4.0  # pixels
_OUTLIER_TONE = 0.15  # in log brightness
# Skin whose tone is compared: cheeks, nose ridge, lower forehead.
SKIN_POINTS = (
    50,
    280,
    205,
    425,
    5,
    4,
    195,
    117,
    346,
    118,
    347,
    101,
    330,
    36,
    266,
    9,
    151,
    108,
    337,
)


@dataclass(frozen=True)
class Face:
    """picture: ``[size, size, 3]`` float32 RGB 0 to 1, meaningful within the face's outline.
    landmarks: ``[478, 2]`` pixels."""

    picture: NDArray[np.float32]
    landmarks: NDArray[np.float64]


def mean_shape(portraits: Sequence[Portrait], eyes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the relaxed landmarks, their eye centres brought to ``eyes [2, 2]``: ``[478, 2]``."""
    aligned = []
    for portrait in portraits:
        matrix = eye_similarity(portrait.relaxed, eyes)
        aligned.append(portrait.relaxed @ matrix[:, :2].T + matrix[:, 2])
    return np.mean(aligned, axis=0)


def blend_faces(
    portraits: Mapping[str, Portrait],
    shape: NDArray[np.float64],
    faces: Sequence[str],
    mouths: Sequence[str],
    size: int,
) -> Face:
    """Blend the portraits in the given shape, equal parts.

    faces: who gives everything but the mouth. mouths: who gives the mouth; theirs are closed.
    """
    names = list(dict.fromkeys([*faces, *mouths]))
    maps = [lookup(*correspondences(shape, portraits[n].landmarks), size) for n in names]
    warped = [sample(portraits[n].image, m) for n, m in zip(names, maps, strict=True)]
    moves = register(warped)
    axis = np.arange(size, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    logs = []
    for name, where, move in zip(names, maps, moves, strict=True):
        moved = cv2.remap(where, x + move[..., 0], y + move[..., 1], cv2.INTER_LINEAR)
        logs.append(np.log(sample(portraits[name].image, moved) + _LOG_FLOOR))
    logs = _same_tone(logs, [n in faces for n in names], shape)
    lips = _mouth_region(shape, size)[..., None]
    weights = [
        (n in faces) / len(faces) * (1 - lips) + (n in mouths) / len(mouths) * lips for n in names
    ]
    weights = _without_outliers(logs, weights)
    picture = np.exp(_textured_mean(logs, weights)) - _LOG_FLOOR
    return Face(np.clip(picture, 0, 1).astype(np.float32), shape)


def _same_tone(
    logs: Sequence[NDArray[np.float32]], counts: Sequence[bool], shape: NDArray[np.float64]
) -> list[NDArray[np.float32]]:
    """Shift each picture, in log space, to the mean skin tone of those that count."""
    at = shape[list(SKIN_POINTS)].round().astype(int)
    tones = np.stack(
        [np.median(cv2.GaussianBlur(p, (0, 0), 6)[at[:, 1], at[:, 0]], axis=0) for p in logs]
    )
    wanted = tones[np.array(counts)].mean(0)
    return [p + (wanted - t).astype(np.float32) for p, t in zip(logs, tones, strict=True)]


def _without_outliers(
    logs: Sequence[NDArray[np.float32]], weights: Sequence[NDArray[np.float32]]
) -> list[NDArray[np.float32]]:
    """Weights without what lies over the skin in one picture only: a fringe, an ear-ring.

    A source counts less where its slow tone is far from the median of those that count there.
    """
    slow = np.stack([cv2.GaussianBlur(p, (0, 0), _OUTLIER_SCALE).mean(-1) for p in logs])
    counted = np.stack([w[..., 0] for w in weights])
    known = np.where(counted > 0.02, slow, np.nan)
    middle = np.nanmedian(known, axis=0)
    agree = np.exp(-0.5 * ((slow - middle) / _OUTLIER_TONE) ** 2)
    counted = counted * cv2.GaussianBlur(
        agree.transpose(1, 2, 0), (0, 0), _OUTLIER_SCALE
    ).transpose(2, 0, 1)
    counted /= np.maximum(counted.sum(0), 1e-6)
    return [c[..., None].astype(np.float32) for c in counted]


def _mouth_region(shape: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """1 on and around the lips, falling softly to 0 on the cheeks: ``[size, size]``."""
    lips = shape[list(OUTER_LIPS)]
    centre = lips.mean(0)
    half = np.ptp(lips, axis=0) / 2
    axis = np.arange(size) + 0.5
    x, y = np.meshgrid(axis, axis)
    nose = float(shape[2, 1])  # under the nose
    reach_x, reach_y = 1.5 * half[0], max(float(centre[1]) - nose, 1.0) * 1.05
    distance = np.hypot((x - centre[0]) / reach_x, (y - centre[1]) / reach_y)
    return np.clip((1.25 - distance) / 0.5, 0, 1).astype(np.float32)


def _textured_mean(
    pictures: Sequence[NDArray[np.float32]], weights: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Weighted mean whose band-pass layers have the sources' local energy again."""

    def mean(layers: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        return sum(w * p for w, p in zip(weights, layers, strict=True))

    rest = list(pictures)
    out = np.zeros_like(pictures[0])
    for sigma in _BANDS:
        slow = [cv2.GaussianBlur(p, (0, 0), sigma) for p in rest]
        bands = [p - s for p, s in zip(rest, slow, strict=True)]
        band = mean(bands)
        radius = max(_ENERGY_RADIUS, 2 * sigma)
        have = cv2.GaussianBlur((band**2).mean(-1), (0, 0), radius)
        want = cv2.GaussianBlur(mean([b**2 for b in bands]).mean(-1), (0, 0), radius)
        gain = np.sqrt(want / np.maximum(have, 1e-9))
        out += band * np.clip(gain, 1, _GAIN_LIMIT)[..., None]
        rest = slow
    return out + mean(rest)
