"""The blend keeps the sources' texture, and what one source alone shows does not come through."""

from __future__ import annotations

import cv2
import numpy as np

from training.builtin import blend


def skins(count: int = 7, size: int = 128) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    noise = [rng.normal(0, 0.1, (size, size, 3)).astype(np.float32) for _ in range(count)]
    return [cv2.GaussianBlur(n, (0, 0), 1.0) - 0.7 for n in noise]


def even(count: int, size: int = 128) -> list[np.ndarray]:
    return [np.full((size, size, 1), 1 / count, np.float32)] * count


def test_texture_survives_the_mean() -> None:
    pictures = skins()
    single = np.mean([p.std() for p in pictures])
    plain = np.mean(pictures, axis=0).std()
    kept = blend._textured_mean(pictures, even(7)).std()
    assert plain < 0.45 * single
    assert 1.6 * plain < kept < 1.1 * single


def test_equal_pictures_come_back() -> None:
    picture = skins(1)[0]
    np.testing.assert_allclose(blend._textured_mean([picture] * 4, even(4)), picture, atol=1e-5)


def test_a_fringe_in_one_source_is_left_out() -> None:
    pictures = [np.full((96, 96, 3), -0.7, np.float32) for _ in range(6)]
    pictures[2][20:50, 20:60] = -2.5
    weights = blend._without_outliers(pictures, even(6, 96))
    assert weights[2][35, 40, 0] < 0.01
    assert abs(weights[2][85, 85, 0] - 1 / 6) < 0.01
    np.testing.assert_allclose(sum(weights), 1, atol=1e-5)


def test_tone_follows_those_that_count() -> None:
    shape = np.full((478, 2), 48.0)
    pictures = [np.full((96, 96, 3), tone, np.float32) for tone in (-0.4, -0.8, -3.0)]
    toned = blend._same_tone(pictures, [True, True, False], shape)
    for picture in toned:
        np.testing.assert_allclose(picture, -0.6, atol=1e-5)
