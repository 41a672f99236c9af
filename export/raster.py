"""A small software rasteriser: which triangle covers a pixel, and what it carries there."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["fill", "interpolate", "polygon_coverage", "triangle_index"]

_SHIFT = 6  # sub-pixel bits of OpenCV's polygon filler


def triangle_index(
    points: NDArray[np.floating],
    triangles: NDArray[np.integer],
    size: int,
    depth: NDArray[np.floating] | None = None,
) -> NDArray[np.int32]:
    """Index of the triangle that covers each pixel's centre, -1 where none does: ``[size, size]``.

    points: ``[P, 2]`` pixels. triangles: ``[T, 3]``. depth: ``[P]``, larger is nearer: triangles
    are painted from far to near; without it in the order given.
    """
    order = np.arange(len(triangles))
    if depth is not None:
        order = np.argsort(depth[triangles].mean(1), kind="stable")
    index = np.full((size, size), -1, np.int32)
    corners = np.round((points - 0.5) * (1 << _SHIFT)).astype(np.int32)[triangles]
    for t in order:
        cv2.fillConvexPoly(index, corners[t], int(t), lineType=cv2.LINE_8, shift=_SHIFT)
    return index


def interpolate(
    index: NDArray[np.int32],
    points: NDArray[np.floating],
    triangles: NDArray[np.integer],
    values: NDArray[np.floating],
) -> NDArray[np.float32]:
    """Vertex values, linear over each triangle: ``[size, size, C]`` float32, 0 where index is -1.

    values: ``[P, C]``. A degenerate triangle carries the mean of its corners.
    """
    corners = np.concatenate(
        [points[triangles], np.ones((len(triangles), 3, 1))], axis=-1
    )  # rows (x, y, 1)
    area = np.linalg.det(corners)
    flat = np.abs(area) < 1e-3
    corners[flat] = np.eye(3)
    carried = values[triangles].astype(np.float64)
    plane = np.linalg.solve(corners, carried)  # [T, 3, C]: value = (x, y, 1) . plane
    plane[flat, :2] = 0
    plane[flat, 2] = carried[flat].mean(1)
    out = np.zeros((*index.shape, values.shape[1]), np.float32)
    y, x = np.nonzero(index >= 0)
    covering = plane[index[y, x]].astype(np.float32)
    out[y, x] = (
        covering[:, 0] * (x + 0.5)[:, None].astype(np.float32)
        + covering[:, 1] * (y + 0.5)[:, None].astype(np.float32)
        + covering[:, 2]
    )
    return out


def polygon_coverage(
    polygon: NDArray[np.floating], size: int, oversample: int = 4
) -> NDArray[np.float32]:
    """Share of each pixel that a polygon covers, 0 to 1: ``[size, size]`` float32.

    polygon: ``[P, 2]`` pixels, closed, filled by the even-odd rule.
    """
    fine = np.zeros((size * oversample, size * oversample), np.uint8)
    corners = np.round((polygon * oversample - 0.5) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(fine, [corners], 255, lineType=cv2.LINE_8, shift=_SHIFT)
    small = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255


def fill(values: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill unknown pixels from known ones, coarse to fine (push-pull, Gortler et al. 1996)."""
    height, width = known.shape
    if min(height, width) <= 2 or known.min() >= 1:
        total = known.sum()
        mean = (values * known[..., None]).sum((0, 1)) / max(float(total), 1e-6)
        return np.where(known[..., None] > 0, values, mean).astype(np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    weight = cv2.resize(known, half, interpolation=cv2.INTER_AREA)
    summed = cv2.resize(values * known[..., None], half, interpolation=cv2.INTER_AREA)
    coarse = summed / np.maximum(weight, 1e-5)[..., None]
    coarse = fill(coarse.astype(np.float32), np.minimum(weight * 4, 1))
    up = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return values * known[..., None] + up * (1 - known[..., None])
