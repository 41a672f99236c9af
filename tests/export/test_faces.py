"""Faces are found at every size, and only faces."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import MissingExtra
from export.faces import find_faces
from tests.export.conftest import Face


def centres(faces: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.array(sorted(f[:468, :2].mean(0).tolist() for f in faces), np.float32)


@pytest.mark.export
def test_a_usual_portrait_has_one_face(astronaut: Face) -> None:
    faces = find_faces(astronaut.image)
    assert len(faces) == 1
    np.testing.assert_allclose(faces[0], astronaut.landmarks, atol=1)


@pytest.mark.export
def test_all_of_several_are_found(astronaut: Face) -> None:
    two = np.concatenate([astronaut.image, astronaut.image[:, ::-1]], 1)
    at = astronaut.landmarks[:468, :2].mean(0)
    np.testing.assert_allclose(centres(find_faces(two)), [at, (1024 - at[0], at[1])], atol=4)


@pytest.mark.export
def test_a_small_face_in_a_large_photo_is_found(astronaut: Face) -> None:
    photo = np.full((1900, 1500, 3), 120, np.uint8)
    photo[300:812, 500:1012] = astronaut.image
    (face,) = find_faces(photo)
    found = face[:468, :2] - (500, 300)
    assert np.linalg.norm(found - astronaut.landmarks[:468, :2], axis=1).mean() < 2.5


@pytest.mark.export
def test_a_tiny_face_is_found_at_its_size(astronaut: Face) -> None:
    tiny = cv2.resize(astronaut.image, (200, 200), interpolation=cv2.INTER_AREA)
    (face,) = find_faces(tiny)
    assert np.ptp(face[:468, 1]) == pytest.approx(106 * 200 / 512, rel=0.1)


@pytest.mark.export
def test_what_is_no_face_is_none() -> None:
    from skimage import data

    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8)
    for image in (data.chelsea(), data.rocket(), np.full((300, 300, 3), 128, np.uint8), noise):
        assert find_faces(image) == []


def test_without_mediapipe_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe.python.solutions", None)
    with pytest.raises(MissingExtra, match=r"avatar-engine\[photo\]"):
        find_faces(np.zeros((10, 10, 3), np.uint8))
