"""The icons differ, are symmetric where they should be, and scale."""

from __future__ import annotations

import numpy as np

from engine.preview.icons import application, microphone, microphone_off


def test_a_microphone_is_symmetric_and_off_it_is_struck_through() -> None:
    for size in (18, 36):
        on, off = microphone(size), microphone_off(size)
        assert on.shape == off.shape == (size, size)
        np.testing.assert_allclose(on, on[:, ::-1], atol=1e-5)
        assert np.abs(on - off).sum() > size
        assert 0.1 < on.mean() < 0.4
        assert off[size // 6, size // 6] > 0.5 > on[size // 6, size // 6]


def test_twice_the_size_is_the_same_picture() -> None:
    large = microphone(36).reshape(18, 2, 18, 2).mean((1, 3))
    assert np.abs(large - microphone(18)).max() < 0.3


def test_the_application_has_a_microphone_in_the_middle() -> None:
    image = application(64, "#102030", "#ffffff")
    assert image.shape == (64, 64, 3)
    assert image[0, 0].tolist() == [16, 32, 48]
    assert image[26, 32].tolist() == [255, 255, 255]
