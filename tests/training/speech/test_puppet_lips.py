"""Driven by the truth a puppet is near, driven by nothing it is as far as the lips moved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("mediapipe")

from training.speech.puppet_lips import lip_distances, rest_of

pytestmark = [pytest.mark.data, pytest.mark.export]


def test_tracked_motion_is_much_nearer_than_a_still_face(data: Path, tmp_path: Path) -> None:
    clip = data / "grid" / "clips" / "x_lwbsza.mpg"
    nothing = np.zeros((300, 52), np.float32)
    found = lip_distances(clip, tmp_path, {"nothing": lambda _: nothing})
    assert found["tracked"] < 0.5 * found["still"]
    assert found["nothing"] == pytest.approx(found["still"])
    assert 2 < found["still"] < 9


def test_rest_is_the_first_closed_mouth_or_the_least_open_one() -> None:
    points = np.zeros((4, 478, 3), np.float32)
    points[:, 33, 0], points[:, 263, 0] = 0, 100
    points[:, 14, 1] = [9, 2, 0, 5]
    assert rest_of(points) == 1
    points[:, 14, 1] = [9, 8, 7, 9]
    assert rest_of(points) == 2
