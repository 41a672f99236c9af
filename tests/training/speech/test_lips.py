"""Gap and width are read from the right landmarks."""

from __future__ import annotations

import numpy as np

from training.speech.lips import LIPS, OUTER, gap_and_width


def test_forty_points_twenty_of_them_outer() -> None:
    assert len(LIPS) == len(set(LIPS)) == 40
    assert len(set(OUTER)) == 20


def test_gap_and_width_of_known_movements() -> None:
    lips = np.zeros((2, 40, 2), np.float32)
    lips[0, LIPS.index(14), 1] = -0.1  # the lower lip goes down
    lips[1, LIPS.index(61), 0] = -0.02  # the right corner goes to the left of the picture
    gap, width = gap_and_width(lips)
    np.testing.assert_allclose(gap, [0.1, 0.0])
    np.testing.assert_allclose(width, [0.0, 0.02])
