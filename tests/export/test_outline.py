"""Rows of landmarks that meet, and the rings around a face."""

from __future__ import annotations

import numpy as np
import pytest

from export.outline import OVAL, RINGS, contour, meet, no_overlap, ring_triangles

UPPER, LOWER = (0, 1, 2, 3, 4), (0, 5, 6, 7, 4)
MOUTH = np.array([[0.0, 0], [1, -1], [2, -1.4], [3, -1], [4, 0], [1, 1], [2, 1.4], [3, 1]])


def test_the_contour_goes_through_all_points_and_is_closed() -> None:
    curve = contour(MOUTH, UPPER, LOWER)
    assert curve.shape == (32, 2)
    gaps = np.linalg.norm(curve[:, None] - MOUTH[None], axis=-1).min(0)
    np.testing.assert_allclose(gaps, 0, atol=1e-9)
    steps = np.linalg.norm(np.diff(curve, axis=0, append=curve[:1]), axis=1)
    assert steps.max() < 0.5, "no jump"


def test_rows_meet_in_their_middle() -> None:
    met = meet(MOUTH, UPPER, LOWER)
    np.testing.assert_array_equal(met[list(UPPER)], met[list(LOWER)])
    np.testing.assert_allclose(met[:, 1], 0)
    assert MOUTH[2, 1] == -1.4, "the given points are left alone"


def test_only_rows_that_cross_are_made_to_meet() -> None:
    crossed = MOUTH.copy()
    crossed[6, 1] = -2
    fixed = no_overlap(crossed, UPPER, LOWER)
    np.testing.assert_allclose(fixed[[2, 6], 1], [-1.7, -1.7])
    untouched = [0, 1, 3, 4, 5, 7]
    np.testing.assert_array_equal(fixed[untouched], crossed[untouched])
    np.testing.assert_array_equal(no_overlap(MOUTH, UPPER, LOWER), MOUTH)


def test_rings_close_the_strip_around_the_face() -> None:
    triangles = ring_triangles()
    assert len(triangles) == 2 * len(OVAL) * len(RINGS)
    assert set(triangles.ravel()) == set(OVAL) | set(range(468, 468 + len(OVAL) * len(RINGS)))
    edges = np.sort(
        np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]])
    )
    _, count = np.unique(edges, axis=0, return_counts=True)
    assert set(count) == {1, 2}, "no edge belongs to three triangles"
    assert (count == 1).sum() == 2 * len(OVAL), "open on the inside and on the outside only"


def test_rings_fade_out() -> None:
    reach, share = zip(*RINGS, strict=True)
    assert list(reach) == sorted(reach)
    assert share[-1] == pytest.approx(0)
