"""Face measures, and the detector behind them."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from engine.errors import MissingExtra
from export.landmarks import (
    EYES,
    INNER_LIP_LOWER,
    INNER_LIP_UPPER,
    FaceMesh,
    canthus_distance,
    lip_gap,
    mouth_width,
)
from tests.export.conftest import Face


def test_measures_are_in_canthus_distances() -> None:
    face = np.zeros((478, 3), np.float32)
    face[33], face[263] = (10, 0, 99), (110, 0, -99)
    face[13], face[14] = (60, 80, 0), (60, 100, 5)
    face[61], face[291] = (35, 90, 0), (85, 90, 0)
    assert canthus_distance(face) == pytest.approx(100)
    assert lip_gap(face) == pytest.approx(0.2)
    assert mouth_width(face) == pytest.approx(0.5)
    video = np.stack([face, 2 * face])
    np.testing.assert_allclose(lip_gap(video), [0.2, 0.2])


def test_rows_face_each_other_and_share_their_ends() -> None:
    for upper, lower in (*EYES, (INNER_LIP_UPPER, INNER_LIP_LOWER)):
        assert len(upper) == len(lower)
        assert (upper[0], upper[-1]) == (lower[0], lower[-1])
        assert not set(upper[1:-1]) & set(lower)


@pytest.mark.export
def test_finds_a_face_and_its_parts(astronaut: Face) -> None:
    points = astronaut.landmarks
    assert points.shape == (478, 3)
    assert points.dtype == np.float32
    eyes = points[[468, 473], :2]
    np.testing.assert_allclose(eyes.mean(0), [226, 111], atol=12)
    assert eyes[0, 0] < eyes[1, 0], "the subject's right eye is on the left"
    assert lip_gap(points) > 0.05, "she smiles with her teeth"


@pytest.mark.export
def test_finds_as_many_faces_as_asked_for_or_none(astronaut: Face) -> None:
    face = astronaut.image[:300, 80:380]
    two = np.concatenate([face, face[:, ::-1]], 1)
    for most in (1, 2):
        with FaceMesh(max_faces=most) as mesh:
            assert len(mesh.detect_all(two)) == most
    with FaceMesh() as mesh:
        assert mesh.detect(np.full((300, 300, 3), 128, np.uint8)) is None


@pytest.mark.export
def test_follows_a_face_through_a_video(astronaut: Face) -> None:
    with FaceMesh(video=True) as mesh:
        for shift in (0, 8, 16):
            points = mesh.detect(np.roll(astronaut.image, shift, 1))
            assert points is not None
            moved = (points - astronaut.landmarks)[:468, 0].mean()
            assert moved == pytest.approx(shift, abs=3)


def test_without_mediapipe_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe.python.solutions", None)
    with pytest.raises(MissingExtra, match=r"avatar-engine\[photo\]"):
        FaceMesh()
