"""The 40 lip landmarks, and the two numbers that describe them: gap and width.

Displacements are against the closed rest, in units of the outer-canthus distance, x right, y up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.landmarks import INNER_LIP_LOWER, INNER_LIP_UPPER, MOUTH_CORNERS, OUTER_LIPS

__all__ = ["LEFT", "LIPS", "LOWER", "OUTER", "RIGHT", "UPPER", "gap_and_width"]

LIPS: tuple[int, ...] = tuple(sorted({*INNER_LIP_UPPER, *INNER_LIP_LOWER, *OUTER_LIPS}))
OUTER: tuple[int, ...] = tuple(LIPS.index(n) for n in OUTER_LIPS)
UPPER, LOWER = LIPS.index(13), LIPS.index(14)
RIGHT, LEFT = (LIPS.index(n) for n in MOUTH_CORNERS)


def gap_and_width(
    displacement: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Change of the inner lip gap and of the mouth width: ``[..., 40, 2]`` -> ``[...]`` each."""
    return (
        displacement[..., UPPER, 1] - displacement[..., LOWER, 1],
        displacement[..., LEFT, 0] - displacement[..., RIGHT, 0],
    )
