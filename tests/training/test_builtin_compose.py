"""Seams fade to nothing, skin keeps its colour when clothes change, and spots go."""

from __future__ import annotations

import numpy as np

from export.landmarks import OUTER_CANTHI
from training.builtin import compose


def shape() -> np.ndarray:
    points = np.full((478, 2), 64.0)
    points[list(OUTER_CANTHI)] = ((50, 50), (78, 50))
    angle = np.linspace(-np.pi / 2, 1.5 * np.pi, len(compose.OVAL), endpoint=False)
    points[list(compose.OVAL)] = 60 + np.stack([22 * np.cos(angle), 30 * np.sin(angle)], 1)
    return points


def test_a_feather_fades_out_before_the_edge_and_is_all_within() -> None:
    mask = np.zeros((128, 128), np.float32)
    mask[20:108, 20:108] = 1
    fade = compose._feather(mask, 5.0)
    assert fade[20, 64] < 0.08
    assert fade[64, 64] > 0.99
    assert np.abs(np.diff(fade, axis=0)).max() < 0.15


def test_hair_and_clothes_change_and_skin_does_not() -> None:
    picture = np.full((128, 128, 3), 0.4, np.float32)
    where = np.ones((128, 128), np.float32)
    where[:, :20] = 0  # skin
    out = compose.recolour(picture, where, shape(), hair=(1.5, 1, 1), clothes=(1, 1, 0.5))
    np.testing.assert_allclose(out[:, :19], 0.4)
    np.testing.assert_allclose(out[5, 110], (0.6, 0.4, 0.4), atol=1e-5)
    np.testing.assert_allclose(out[120, 110], (0.4, 0.4, 0.2), atol=1e-5)
    np.testing.assert_allclose(out[60, 60], 0.4, atol=1e-3)  # the face


def test_a_pin_is_painted_out() -> None:
    picture = np.full((100, 100, 3), 0.2, np.float32)
    picture[48:53, 48:53] = 1.0
    out = compose.retouch(picture, [(0.505, 0.505, 0.06)])
    assert out.max() < 0.25
    np.testing.assert_allclose(out[:30], picture[:30])
