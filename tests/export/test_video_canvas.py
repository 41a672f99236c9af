"""Frames brought onto the canvas of the rest frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from export.align import canvas_matrix
from export.basis import LandmarkBasis
from export.canvas import canvas_picture
from export.fit import Pose
from export.video_canvas import even_light, face_mask, unposed
from tests.export.conftest import Face

SIZE = 128


def unit(landmarks: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return (landmarks[:468, :2] - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


@pytest.fixture
def face(neutral: Face) -> Face:
    """With a pattern that shows every shift."""
    y, x = np.mgrid[:320, :320]
    squares = 90 + 70 * (np.sin(x / 4) * np.sin(y / 4))
    return Face(np.stack([squares, squares[::-1], squares.T], -1).astype(np.uint8),
                neutral.landmarks)  # fmt: skip


def test_a_frame_in_the_rest_pose_is_the_canvas_itself(face: Face) -> None:
    matrix = canvas_matrix(face.landmarks)
    picture = unposed(face.image, face.landmarks, unit(face.landmarks, matrix), SIZE)
    straight = canvas_picture(face.image, matrix, SIZE)
    assert np.abs(picture.astype(int) - straight).mean() < 4


def test_a_moved_and_turned_frame_comes_back(face: Face) -> None:
    """The picture of a head that a pose has bent: painted onto the landmarks' triangles."""
    basis = LandmarkBasis.load()
    matrix = canvas_matrix(face.landmarks)
    posed = unit(face.landmarks, matrix)
    turned = Pose(np.array([0.03, 0.10, 0.0]), 12.0, np.array([160.0, 150.0]))
    moved = face.landmarks.copy()
    moved[:468, :2] = turned.project(basis.neutral)
    seen = unposed(face.image, moved, posed, SIZE)  # the pattern, bent
    back = unposed(seen, _in_pixels(posed), _unit_of(moved), SIZE)
    straight = unposed(face.image, moved, _unit_of(moved), SIZE)
    inside = face_mask(_unit_of(moved), SIZE) > 0.9
    assert np.abs(back.astype(int) - straight)[inside].mean() < 6
    assert np.abs(seen.astype(int) - straight)[inside].mean() > 12


def _in_pixels(posed: np.ndarray) -> np.ndarray:
    return np.pad(posed * SIZE, ((0, 10), (0, 1))).astype(np.float32)


def _unit_of(landmarks: np.ndarray) -> np.ndarray:
    return unit(landmarks, canvas_matrix(landmarks))


def test_a_large_face_is_averaged_and_not_sampled(face: Face) -> None:
    """A fine pattern becomes grey; sampled, it would shimmer."""
    large = np.full((960, 960, 3), 255, np.uint8)
    large[::2, ::2] = large[1::2, 1::2] = 0
    landmarks = face.landmarks * 3
    posed = unit(face.landmarks, canvas_matrix(face.landmarks))
    picture = unposed(large, landmarks, posed, 64)
    assert np.std(picture[8:-8, 8:-8]) < 12


@pytest.mark.parametrize("gain", [(0.7, 0.7, 0.7), (1.1, 1.0, 0.8)])
def test_light_is_evened_out_on_the_skin(face: Face, gain: tuple[float, ...]) -> None:
    skin = np.zeros(face.image.shape[:2], bool)
    skin[100:200, 100:200] = True
    dimmed = np.clip(face.image * np.array(gain), 0, 255).astype(np.uint8)
    # An open mouth must not count as a change of light.
    dimmed[140:160, 130:160] = 0
    back = even_light(dimmed, face.image, skin)
    skin[135:165, 125:165] = False
    assert np.abs(back[skin].astype(int) - face.image[skin]).mean() < 3


def test_the_mask_is_the_face(face: Face) -> None:
    points = _unit_of(face.landmarks)
    mask = face_mask(points, SIZE)
    nose, chin, brow = (points[k] * SIZE for k in (1, 152, 10))
    assert mask[int(nose[1]), int(nose[0])] == pytest.approx(1)
    assert mask[min(SIZE - 1, int(chin[1]) + 6), int(chin[0])] < 0.1
    assert mask[: max(0, int(brow[1]) - 4)].max(initial=0) < 0.5
    assert mask[:, :4].max() < 0.05
    assert cv2.Laplacian(mask, cv2.CV_32F).max() < 0.3  # no hard border
