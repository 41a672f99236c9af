"""What a photo's light makes of skin and of white."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from export.landmarks import EYES
from export.light import LUMA, sample, white
from tests.export.conftest import Face


def test_samples_the_nearest_pixel_and_never_outside() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    points = np.array([[0.4, 0.9], [1.2, 1.2], [-50, 0], [0, 99]])
    np.testing.assert_allclose(
        sample(image, points) * 255, [[0, 1, 2], [9, 10, 11], [0, 1, 2], [6, 7, 8]]
    )


@pytest.mark.parametrize("light", [(1.0, 1.0, 1.0), (1.0, 0.8, 0.6), (0.5, 0.55, 0.6)])
def test_white_takes_tint_and_exposure_from_the_eyes(
    neutral: Face, light: tuple[float, float, float]
) -> None:
    """Eyes of even white in a face of skin, in white, warm and dim bluish light."""
    image = neutral.image.astype(float)
    eyes = np.zeros(image.shape[:2], np.uint8)
    for upper, lower in EYES:
        outline = neutral.landmarks[[*upper, *reversed(lower[1:-1])], :2]
        cv2.fillPoly(eyes, [np.round(outline).astype(np.int32)], 255)
    eyes = cv2.dilate(eyes, np.ones((3, 3), np.uint8))
    image[eyes > 0] = 200
    lit = (image * light).astype(np.uint8)
    found = white(lit, neutral.landmarks)
    assert found.shape == (3,)
    tint, wanted = found / found.mean(), np.array(light) / np.mean(light)
    np.testing.assert_allclose(tint - 1, 0.65 * (wanted - 1), atol=0.12)
    skin = np.median(lit[150:200, 140:180].reshape(-1, 3), axis=0) / 255
    assert found @ LUMA > skin @ LUMA, "white is brighter than skin"


def test_eyes_too_small_to_see_leave_it_to_the_skin(neutral: Face) -> None:
    tiny = neutral.landmarks * 0.05
    image = np.full((20, 20, 3), (180, 120, 90), np.uint8)
    np.testing.assert_allclose(white(image, tiny) * 255, [180, 120, 90], atol=1)
