"""Lift a person off a studio's plain backdrop and set another behind.

Segmentation says roughly where the person is (MediaPipe selfie segmentation); along the outline,
where hair is, the backdrop's own colour decides: with the colours B behind and F in front known
nearby, a pixel I = a F + (1 - a) B gives its coverage a, as in natural image matting (Ruzon and
Tomasi, CVPR 2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Matte", "backdrop", "cleared", "cut_out", "replace_backdrop", "without_spill"]

_SURE = 0.06  # how far from 0 or 1 the segmentation may be and still be believed
_RING = 0.022  # half-width of the unsure band along the outline, in picture sides
_RAMP = (
    0.10,
    0.90,
)  # coverage below and above counts as none and all: studio paper is not quite even
_NEUTRAL = 0.012  # cool greys may stay as cool as this
_SKIN_WARMTH = 0.12  # red over green of the palest skin
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Matte:
    """alpha: ``[H, W]`` float32, coverage by the person. behind, front: ``[H, W, 3]`` float32,
    the old backdrop carried on behind the person, and the person's own colours carried outward."""

    alpha: NDArray[np.float32]
    behind: NDArray[np.float32]
    front: NDArray[np.float32]


def cut_out(picture: NDArray[np.float32]) -> Matte:
    """Matte of the person in ``picture [H, W, 3]`` float32 RGB 0 to 1, before an even backdrop."""
    width = picture.shape[1]
    person = _segment(picture)
    radius = max(2, round(_RING * width))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    front = cv2.erode((person > 1 - _SURE).astype(np.uint8), disc)
    back = cv2.erode((person < _SURE).astype(np.uint8), disc)
    behind = _spread(picture, back.astype(np.float32))
    before = _spread(picture, front.astype(np.float32))
    span = before - behind
    length = (span**2).sum(-1)
    keyed = ((picture - behind) * span).sum(-1) / np.maximum(length, 1e-4)
    keyed = np.clip((keyed - _RAMP[0]) / (_RAMP[1] - _RAMP[0]), 0, 1)
    # Where front and back look alike the key says nothing; the segmentation has to do.
    clear = np.clip(length / 0.03, 0, 1)
    unsure = ((front == 0) & (back == 0)).astype(np.float32)
    alpha = np.where(unsure > 0, clear * keyed + (1 - clear) * person, front.astype(np.float32))
    alpha = cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), 0.7)
    return Matte(alpha, behind, before)


def cleared(matte: Matte, spots: Sequence[tuple[float, float, float]]) -> Matte:
    """The matte without wisps: coverage is nothing at ``spots`` (x, y, radius in picture sides)."""
    size = matte.alpha.shape[1]
    keep = np.ones(matte.alpha.shape, np.float32)
    for x, y, radius in spots:
        cv2.circle(keep, (round(x * size), round(y * size)), round(radius * size), 0.0, -1)
    return replace(matte, alpha=matte.alpha * cv2.GaussianBlur(keep, (0, 0), 0.004 * size))


def backdrop(size: int, tone: tuple[int, int, int]) -> NDArray[np.float32]:
    """Studio paper of a tone, lit behind the head: ``[size, size, 3]`` float32 RGB 0 to 1."""
    axis = (np.arange(size) + 0.5) / size
    x, y = np.meshgrid(axis, axis)
    distance = np.hypot((x - 0.5) / 0.75, (y - 0.42) / 0.85)
    light = 1.10 - 0.42 * np.clip(distance, 0, 1.2) ** 1.6
    paper = np.array(tone, np.float32) / 255 * light[..., None]
    # A trace of grain keeps the gradient from banding in 8 bits and in video.
    grain = np.random.default_rng(0).normal(0, 0.0035, (size, size, 1))
    return np.clip(paper + grain, 0, 1).astype(np.float32)


def replace_backdrop(
    picture: NDArray[np.float32], matte: Matte, paper: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The person before new paper, without the light of the old backdrop."""
    alpha = matte.alpha[..., None]
    # Un-premultiply along the outline; there only brightness is to be trusted, the hue is the
    # person's nearby.
    own = np.clip((picture - (1 - alpha) * matte.behind) / np.maximum(alpha, 0.3), 0, 1)
    near = without_spill(matte.front)
    rim = np.clip((0.985 - cv2.GaussianBlur(matte.alpha, (0, 0), 1.5)) * 6, 0, 1)[..., None]
    hued = near * (own @ _LUMA)[..., None] / np.maximum(near @ _LUMA, 0.02)[..., None]
    person = without_spill(own) * (1 - rim) + np.clip(hued, 0, 1) * rim
    return np.clip(alpha * person + (1 - alpha) * paper, 0, 1).astype(np.float32)


def without_spill(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the blue backdrop's light off.

    Skin and hair are never bluer than green nor greener than red.
    Clothes are held to it as well; they get their colour afterwards.
    """
    red, green, blue = np.moveaxis(picture, -1, 0)
    green = np.minimum(green, red + _NEUTRAL)
    # Lilac is blue light on white or grey, not on skin, which is far redder than green.
    warm = np.clip((red - green) / _SKIN_WARMTH, 0, 1)
    red = np.where(blue > green, green + (red - green) * warm, red)
    return np.stack([red, green, np.minimum(blue, green + _NEUTRAL)], -1).astype(np.float32)


def _segment(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    from mediapipe.python.solutions import selfie_segmentation

    image = np.ascontiguousarray((picture * 255).round().astype(np.uint8))
    with selfie_segmentation.SelfieSegmentation(model_selection=0) as segmenter:
        mask = segmenter.process(image).segmentation_mask
    return np.asarray(mask, np.float32)


def _spread(values: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Carry known colours outward, by normalised convolution at growing widths."""
    out = np.zeros_like(values)
    reached = np.zeros(known.shape, np.float32)
    for sigma in (8.0, 24.0, 72.0, 216.0):
        shrink = max(1, int(sigma // 6))
        size = (values.shape[1] // shrink, values.shape[0] // shrink)
        weight = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
        total = cv2.resize(values * known[..., None], size, interpolation=cv2.INTER_AREA)
        weight = cv2.GaussianBlur(weight, (0, 0), sigma / shrink)
        total = cv2.GaussianBlur(total, (0, 0), sigma / shrink)
        mean = total / np.maximum(weight, 1e-6)[..., None]
        mean = cv2.resize(mean, values.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        there = cv2.resize(weight, values.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        use = np.clip((there - 0.01) / 0.05, 0, 1) * (1 - reached)
        out += use[..., None] * mean
        reached += use
    return out + (1 - reached)[..., None] * mean
