"""Distances between faces, on vectors whose distances are known."""

from __future__ import annotations

import numpy as np
import pytest

from training.builtin.likeness import distances, nearest, spread

PEOPLE = {"a": np.array([0.0, 0.0]), "b": np.array([3.0, 4.0]), "c": np.array([0.0, 1.0])}


def test_nearest_comes_first() -> None:
    assert list(distances(np.array([0.0, 0.9]), PEOPLE)) == ["c", "a", "b"]
    assert nearest(np.array([0.0, 0.9]), PEOPLE) == ("c", pytest.approx(0.1))


def test_spread_counts_each_pair_once() -> None:
    found = spread(PEOPLE)
    assert found["median"] == pytest.approx(np.hypot(3, 3))  # of 1, hypot(3, 3), 5
    assert found["nearest"] == pytest.approx(1.0)  # of 1, hypot(3, 3), 1
