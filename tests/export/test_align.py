"""Where the face is: canvas and frame keep landmarks and pixels together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from export.align import (
    CANVAS_EYES,
    canvas_matrix,
    eye_centres,
    ffhq_matrix,
    frame_photo,
    scored_matrix,
)


def face(width: int, height: int, eyes: float, roll: float = 0.0) -> NDArray[np.float32]:
    """478 landmarks around the middle of a photo; only the eye corners matter here."""
    rng = np.random.default_rng(0)
    points = rng.normal(0, 0.4 * eyes, (478, 3))
    for k, x in ((33, -0.75), (133, -0.25), (362, 0.25), (263, 0.75)):
        points[k] = (x * eyes, -0.1 * eyes, 0)
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    points[:, :2] = points[:, :2] @ turn + (width / 2, 0.45 * height)
    return points.astype(np.float32)


@pytest.mark.parametrize("roll", [0.0, 0.3, -0.5])
def test_the_canvas_has_the_eyes_in_their_places(roll: float) -> None:
    landmarks = face(400, 500, 60, roll)
    matrix = canvas_matrix(landmarks)
    np.testing.assert_allclose(
        CANVAS_EYES @ matrix[:, :2].T + matrix[:, 2], eye_centres(landmarks), atol=1e-3
    )
    # A square that is turned with the face, never mirrored or sheared.
    linear = matrix[:, :2]
    side = np.linalg.norm(linear[:, 0])
    np.testing.assert_allclose(linear.T @ linear, side**2 * np.eye(2), atol=1e-6 * side**2)
    assert np.linalg.det(linear) > 0


@pytest.mark.parametrize(
    ("width", "height", "eyes"),
    [(600, 800, 90), (2000, 1500, 100), (300, 300, 60), (1200, 900, 30)],
)
def test_a_frame_keeps_landmarks_on_their_pixels(width: int, height: int, eyes: int) -> None:
    landmarks = face(width, height, eyes)
    y, x = np.mgrid[:height, :width]
    photo = np.stack([x * 255 / width, y * 255 / height, x * 0 + 90], -1).round().astype(np.uint8)
    framing = frame_photo(photo, landmarks, 256)
    assert framing.image.shape == (256, 256, 3)
    at = framing.landmarks[[33, 133, 362, 263], :2].astype(int)
    assert ((at > 0) & (at < 256)).all()
    colours = framing.image[at[:, 1], at[:, 0]].astype(float)
    expected = photo[tuple(landmarks[[33, 133, 362, 263], 1::-1].T.astype(int))].astype(float)
    np.testing.assert_allclose(colours, expected, atol=3)


def test_a_roomy_photo_is_not_padded_and_the_canvas_fits() -> None:
    landmarks = face(1000, 1200, 90)
    framing = frame_photo(np.full((1200, 1000, 3), 128, np.uint8), landmarks, 512)
    assert framing.padded == pytest.approx(0, abs=1e-6)
    corners = np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1]])
    canvas = corners @ canvas_matrix(framing.landmarks).T
    assert canvas.min() >= -0.01
    assert canvas.max() <= 512.01


def test_a_tight_photo_is_continued_by_its_edge() -> None:
    landmarks = face(200, 200, 80)
    framing = frame_photo(np.full((200, 200, 3), (10, 200, 90), np.uint8), landmarks, 256)
    assert 0.1 < framing.padded < 0.8
    np.testing.assert_array_equal(framing.image, np.broadcast_to((10, 200, 90), (256, 256, 3)))


def test_depth_is_scaled_like_the_picture() -> None:
    landmarks = face(1000, 1000, 100)
    framing = frame_photo(np.zeros((1000, 1000, 3), np.uint8), landmarks, 320)
    scale = framing.matrix[0, 0]
    np.testing.assert_allclose(framing.landmarks[:, 2], landmarks[:, 2] * scale, rtol=1e-5)


@pytest.mark.parametrize("roll", [0.0, 0.3])
def test_the_scored_crop_has_the_eyes_in_their_places(roll: float) -> None:
    landmarks = face(400, 500, 60, roll)
    matrix = scored_matrix(landmarks)
    places = np.array([[92, 100], [164, 100]]) / 256
    np.testing.assert_allclose(
        places @ matrix[:, :2].T + matrix[:, 2], eye_centres(landmarks), atol=1e-3
    )


def test_ffhq_is_aligned_by_eyes_and_mouth() -> None:
    """By hand: eyes 40 apart, mouth 50 below; the wider of 2 x 40 and 1.8 x 50 to each side."""
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[[33, 133], :2] = (80, 100)
    landmarks[[362, 263], :2] = (120, 100)
    landmarks[[61, 291], :2] = (100, 150)
    matrix = ffhq_matrix(landmarks)
    np.testing.assert_allclose(matrix, [[180, 0, 10], [0, 180, 15]], atol=1e-9)
    turned = landmarks.copy()
    turned[:, :2] = landmarks[:, :2] @ np.array([[0.8, 0.6], [-0.6, 0.8]])
    linear = ffhq_matrix(turned)[:, :2]
    np.testing.assert_allclose(linear, [[144, -108], [108, 144]], atol=1e-4)
