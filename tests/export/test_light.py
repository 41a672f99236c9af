"""What a photo's light makes of skin and of teeth."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from export.landmarks import EYES
from export.light import LUMA, enamel, sample
from tests.export.conftest import Face


def test_samples_the_nearest_pixel_and_never_outside() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    points = np.array([[0.4, 0.9], [1.2, 1.2], [-50, 0], [0, 99]])
    np.testing.assert_allclose(
        sample(image, points) * 255, [[0, 1, 2], [9, 10, 11], [0, 1, 2], [6, 7, 8]]
    )


def lit_face(face: Face, light: tuple[float, float, float]) -> np.ndarray:
    """Eyes of even white in a face of skin."""
    image = face.image.astype(float)
    eyes = np.zeros(image.shape[:2], np.uint8)
    for upper, lower in EYES:
        outline = face.landmarks[[*upper, *reversed(lower[1:-1])], :2]
        cv2.fillPoly(eyes, [np.round(outline).astype(np.int32)], 255)
    eyes = cv2.dilate(eyes, np.ones((3, 3), np.uint8))
    image[eyes > 0] = 200
    return (image * light).astype(np.uint8)


@pytest.mark.parametrize("light", [(1.0, 0.8, 0.6), (0.5, 0.55, 0.6)])
def test_enamel_takes_tint_and_exposure_from_the_photo(
    neutral: Face, light: tuple[float, float, float]
) -> None:
    plain = enamel(lit_face(neutral, (1, 1, 1)), neutral.landmarks)
    found = enamel(lit_face(neutral, light), neutral.landmarks)
    assert found.shape == (3,)
    assert found @ LUMA < plain @ LUMA
    ratio = found / plain
    np.testing.assert_allclose(ratio / ratio.mean(), np.array(light) / np.mean(light), rtol=0.12)


def test_enamel_is_paler_than_skin_and_warmer_than_the_eyes(neutral: Face) -> None:
    image = lit_face(neutral, (1, 1, 1))
    skin = np.median(image[150:200, 140:180].reshape(-1, 3), axis=0)
    found = enamel(image, neutral.landmarks)
    assert skin[2] / skin[0] < found[2] / found[0] < 1


def test_eyes_too_small_to_see_leave_it_to_the_skin(neutral: Face) -> None:
    tiny = neutral.landmarks * 0.05
    image = np.full((20, 20, 3), (180, 120, 90), np.uint8)
    found = enamel(image, tiny)
    assert (np.diff(found) < 0).all()
    assert found @ LUMA == pytest.approx(0.5, abs=0.1)
