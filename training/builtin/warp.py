"""Bring portraits into one shape: a smooth warp through landmarks, then groupwise registration.

Thin-plate splines after Bookstein, "Principal Warps" (PAMI 1989); the refinement aligns every
picture to the mean of all by dense inverse search optical flow (Kroeger et al., ECCV 2016), as in
congealing.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from export.landmarks import INNER_LIP_LOWER, INNER_LIP_UPPER, OUTER_LIPS

__all__ = ["correspondences", "lookup", "register", "sample"]

_STRIDE = 8  # the spline is evaluated on this coarser grid: it is smooth
_FLOW_SMOOTHNESS = 9.0  # pixels; a landmark is wrong smoothly
_FLOW_LIMIT = 7.0  # pixels; more would be another feature


def correspondences(
    target: NDArray[np.floating], source: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The landmarks to warp by, of ``[478, 2+]`` each: all outside the lips, and their seam.

    Landmarks crowd within closed lips and cross each other by noise, which would tear a spline;
    the seam is the middle between the facing ones.
    """
    target, source = (np.asarray(p, np.float64)[:, :2] for p in (target, source))
    outline = target[list(OUTER_LIPS)].astype(np.float32)
    outside = [
        k
        for k, p in enumerate(target)
        if cv2.pointPolygonTest(outline, tuple(map(float, p)), True) <= 0.5
    ]
    upper, lower = list(INNER_LIP_UPPER[1:-1]), list(INNER_LIP_LOWER[1:-1])
    return tuple(np.concatenate([p[outside], (p[upper] + p[lower]) / 2]) for p in (target, source))


def lookup(
    target: NDArray[np.floating],
    source: NDArray[np.floating],
    size: int,
    smoothing: float = 60.0,
) -> NDArray[np.float32]:
    """Where each pixel of the target lies in the source: ``[size, size, 2]`` float32.

    target, source: ``[P, 2]`` corresponding points, in pixels of either picture.
    smoothing: how far the spline may miss the points, for noisy landmarks.
    """
    # One similarity carries the bulk, so that the spline is of small displacements.
    design = np.c_[target, np.ones(len(target))]
    affine, *_ = np.linalg.lstsq(design, source, rcond=None)
    spline = RBFInterpolator(
        target, source - design @ affine, kernel="thin_plate_spline", smoothing=smoothing
    )
    count = size // _STRIDE + 2
    axis = np.arange(count) * _STRIDE + 0.5
    x, y = np.meshgrid(axis, axis)
    grid = np.stack([x.ravel(), y.ravel()], 1)
    coarse = (spline(grid) + np.c_[grid, np.ones(len(grid))] @ affine).reshape(count, count, 2)
    at = np.arange(size, dtype=np.float32) / _STRIDE
    u, v = np.meshgrid(at, at)
    return cv2.remap(coarse.astype(np.float32), u, v, cv2.INTER_LINEAR)


def sample(image: NDArray[np.generic], where: NDArray[np.float32]) -> NDArray[np.float32]:
    """``image`` at ``where`` (pixel centres at 0.5): ``[size, size, C]`` float32, 0 to 1."""
    found = cv2.remap(
        image.astype(np.float32) / 255,
        where[..., 0] - 0.5,
        where[..., 1] - 0.5,
        cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.clip(found, 0, 1)


def _grey(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Luminance without its slow part: lighting must not look like motion."""
    luma = image @ np.array([0.299, 0.587, 0.114], np.float32)
    slow = cv2.GaussianBlur(luma, (0, 0), 24)
    return np.clip(128 + 420 * (luma - slow), 0, 255).astype(np.uint8)


def register(images: Sequence[NDArray[np.float32]], rounds: int = 2) -> list[NDArray[np.float32]]:
    """Align pictures that are already near each other to their mean.

    images: ``[size, size, 3]`` float32 each. Returns as many displacements ``[size, size, 2]``
    pixels: picture n is to be looked up at its own place plus displacement n.
    """
    size = images[0].shape[0]
    axis = np.arange(size, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    greys = [_grey(i) for i in images]
    moves = [np.zeros((size, size, 2), np.float32) for _ in images]
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow.setFinestScale(1)
    for _ in range(rounds):
        now = [
            cv2.remap(g, x + m[..., 0], y + m[..., 1], cv2.INTER_LINEAR)
            for g, m in zip(greys, moves, strict=True)
        ]
        reference = np.mean(now, axis=0).astype(np.uint8)
        for k, picture in enumerate(now):
            step = flow.calc(reference, picture, None)
            total = cv2.GaussianBlur(moves[k] + step, (0, 0), _FLOW_SMOOTHNESS)
            length = np.linalg.norm(total, axis=-1, keepdims=True)
            moves[k] = total * np.minimum(1, _FLOW_LIMIT / np.maximum(length, 1e-6))
        # The mean itself may not drift.
        drift = np.mean(moves, axis=0)
        moves = [m - drift for m in moves]
    return moves
