"""Closing eyes: painted only as far as an eye closes, and only where it is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.motion import coefficients
from export.align import canvas_matrix
from export.eyes import EyePaint, blinks
from tests.export.conftest import Face

N = 128


@pytest.fixture(scope="module")
def points(neutral: Face) -> NDArray[np.float64]:
    """Landmarks in canvas units."""
    matrix = canvas_matrix(neutral.landmarks)
    return (neutral.landmarks[:468, :2] - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


def cover(paint: EyePaint, points: NDArray[np.float64], **motion: float) -> NDArray[np.float32]:
    layers = paint.layers(coefficients(**motion), points, points, N)
    return np.max([layer for layer, _ in layers], axis=0)


def test_blinks_are_told_right_eye_first() -> None:
    face = coefficients(eyeBlinkRight=0.25, eyeBlinkLeft=0.75)
    assert blinks(face) == (0.25, 0.75)


def test_an_open_eye_is_not_painted(neutral: Face, points: NDArray[np.float64]) -> None:
    assert not cover(EyePaint(neutral.image, neutral.landmarks), points, jawOpen=1).any()


def test_a_blink_is_painted_at_its_own_eye(neutral: Face, points: NDArray[np.float64]) -> None:
    paint = EyePaint(neutral.image, neutral.landmarks)
    left = cover(paint, points, eyeBlinkLeft=1)
    y, x = np.nonzero(left > 0.05)
    eye = points[[362, 263]].mean(0) * N
    assert x.min() > N / 2, "the subject's left is on the right"
    np.testing.assert_allclose([x.mean(), y.mean()], eye, atol=6)
    assert 0 < left.max() <= 1


def test_paint_grows_with_the_blink(neutral: Face, points: NDArray[np.float64]) -> None:
    paint = EyePaint(neutral.image, neutral.landmarks)
    amounts = [cover(paint, points, eyeBlink=b).sum() for b in (0.0, 0.2, 0.6, 1.0)]
    assert amounts == sorted(amounts)
    assert amounts[-1] > 2 * amounts[1] > 0


def test_a_lid_in_shadow_is_painted_in_the_skin_below(
    neutral: Face, points: NDArray[np.float64]
) -> None:
    image = neutral.image.copy()
    row = int(neutral.landmarks[[159, 386], 1].mean())
    image[row - 12 : row - 1] = (30, 20, 15)
    paint = EyePaint(image, neutral.landmarks)
    layers = paint.layers(coefficients(eyeBlink=1), points, points, N)
    assert len(layers) == 3, "two lids and the lashes"
    assert len(EyePaint(neutral.image, neutral.landmarks).layers(
        coefficients(eyeBlink=1), points, points, N)) == 1  # fmt: skip
    for _, tone in layers[:2]:
        np.testing.assert_allclose(tone * 255, 0.9 * np.array([190, 138, 119]), atol=15)
