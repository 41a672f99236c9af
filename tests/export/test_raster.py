"""The rasteriser: the right triangle, linear values, exact areas."""

from __future__ import annotations

import numpy as np
import pytest

from export.raster import interpolate, polygon_coverage, triangle_index

SQUARE = np.array([[4.0, 4], [28, 4], [28, 28], [4, 28]])
TWO = np.array([[0, 1, 2], [0, 2, 3]])


def test_every_pixel_knows_its_triangle() -> None:
    index = triangle_index(SQUARE, TWO, 32)
    assert index.shape == (32, 32)
    assert index[6, 24] == 0
    assert index[24, 6] == 1
    outside = np.ones((32, 32), bool)
    outside[3:29, 3:29] = False
    assert (index[outside] == -1).all()
    assert (index[5:27, 5:27] >= 0).all(), "no gap between two triangles"


def test_the_nearer_triangle_is_in_front() -> None:
    points = np.concatenate([SQUARE, SQUARE])
    both = np.array([[0, 1, 2], [4, 5, 6]])
    near_first = triangle_index(points, both, 32, np.r_[np.ones(4), np.zeros(4)])
    near_last = triangle_index(points, both, 32, np.r_[np.zeros(4), np.ones(4)])
    assert near_first[6, 24] == 0
    assert near_last[6, 24] == 1
    assert triangle_index(points, both, 32)[6, 24] == 1, "without depth, in the order given"


def test_values_are_linear_over_the_triangles() -> None:
    values = SQUARE @ np.array([[1.0, 2], [0.5, -1]]) + 3
    index = triangle_index(SQUARE, TWO, 32)
    out = interpolate(index, SQUARE, TWO, values)
    y, x = np.mgrid[:32, :32] + 0.5
    expected = np.stack([x, y], -1) @ np.array([[1.0, 2], [0.5, -1]]) + 3
    inside = index >= 0
    np.testing.assert_allclose(out[inside], expected[inside], atol=1e-4)
    assert not out[~inside].any()


def test_a_flat_triangle_carries_the_mean_of_its_corners() -> None:
    points = np.array([[4.0, 10], [20, 10], [12, 10]])
    index = np.zeros((1, 1), np.int32)
    out = interpolate(index, points, np.array([[0, 1, 2]]), np.array([[1.0], [2], [6]]))
    assert out[0, 0, 0] == pytest.approx(3)
    assert np.isfinite(out).all()


def test_coverage_sums_to_the_area() -> None:
    triangle = np.array([[3.0, 5], [27, 9], [11, 29]])
    a, b, c = triangle
    area = abs(np.cross(b - a, c - a)) / 2
    cover = polygon_coverage(triangle, 32)
    assert cover.sum() == pytest.approx(area, rel=0.04)
    assert cover.min() == 0
    assert cover.max() == 1
    assert ((cover > 0) & (cover < 1)).any(), "borders are soft"


def test_coverage_sits_where_the_polygon_is() -> None:
    cover = polygon_coverage(SQUARE, 32)
    y, x = np.mgrid[:32, :32] + 0.5
    assert (cover * x).sum() / cover.sum() == pytest.approx(16, abs=0.2)
    assert (cover * y).sum() / cover.sum() == pytest.approx(16, abs=0.2)
