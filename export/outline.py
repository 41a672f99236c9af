"""Rows of landmarks that meet, and the rings around a face."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["OVAL", "RINGS", "contour", "meet", "no_overlap", "ring_triangles"]

# The face's outline, and the rings outside it that carry jaw and brow motion into neck and hair.
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400,
         377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67,
         109)  # fmt: skip
RINGS = ((1.10, 0.80), (1.25, 0.42), (1.45, 0.12), (1.75, 0.0))


def ring_triangles() -> NDArray[np.int64]:
    """Strips between the face oval and the rings around it."""
    n = len(OVAL)
    loops = [np.array(OVAL)] + [468 + r * n + np.arange(n) for r in range(len(RINGS))]
    strips = []
    for inner, outer in pairwise(loops):
        a, b = np.roll(inner, -1), np.roll(outer, -1)
        strips += [np.stack([inner, outer, a], 1), np.stack([a, outer, b], 1)]
    return np.concatenate(strips)


def contour(
    points: NDArray[np.float64], upper: tuple[int, ...], lower: tuple[int, ...]
) -> NDArray[np.float64]:
    """Smooth closed outline through both rows (they share their ends): ``[4 (P - 2), 2]``."""
    loop = points[[*upper, *reversed(lower[1:-1])]]
    # Catmull-Rom: through the points, four samples a span.
    before, after, beyond = np.roll(loop, 1, 0), np.roll(loop, -1, 0), np.roll(loop, -2, 0)
    t = (np.arange(4) / 4)[:, None, None]
    curve = 0.5 * (
        2 * loop
        + (after - before) * t
        + (2 * before - 5 * loop + 4 * after - beyond) * t**2
        + (3 * loop - before - 3 * after + beyond) * t**3
    )
    return curve.transpose(1, 0, 2).reshape(-1, 2)


def meet(
    points: NDArray[np.float64], upper: tuple[int, ...], lower: tuple[int, ...]
) -> NDArray[np.float64]:
    """Bring facing points of two rows together in their middle."""
    out = points.copy()
    middle = (points[list(upper)] + points[list(lower)]) / 2
    out[list(upper)] = middle
    out[list(lower)] = middle
    return out


def no_overlap(
    points: NDArray[np.float64], upper: tuple[int, ...], lower: tuple[int, ...]
) -> NDArray[np.float64]:
    """Where the lower row has risen above the upper one, let the two meet."""
    crossed = points[list(lower), 1] < points[list(upper), 1]
    met = meet(points, upper, lower)
    out = points.copy()
    for row in (upper, lower):
        chosen = np.array(row)[crossed]
        out[chosen] = met[chosen]
    return out
