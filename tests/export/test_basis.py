"""The shipped landmark basis moves a face the way its names say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.motion import ARKIT_INDEX, coefficients
from export.basis import ANCHORS, LandmarkBasis


@pytest.fixture(scope="module")
def basis() -> LandmarkBasis:
    return LandmarkBasis.load()


def moved(basis: LandmarkBasis, **values: float) -> NDArray[np.float32]:
    return np.tensordot(coefficients(**values), basis.expression, 1)


def test_shapes(basis: LandmarkBasis) -> None:
    assert basis.neutral.shape == (468, 3)
    assert basis.identity.shape == (100, 468, 3)
    assert basis.expression.shape == (52, 468, 3)
    assert basis.triangles.shape[1] == 3
    assert basis.anchors_neutral.shape == (len(ANCHORS), 3)
    assert basis.anchors_identity.shape == (100, len(ANCHORS), 3)
    assert basis.anchors_expression.shape == (52, len(ANCHORS), 3)


def test_it_is_shared_and_can_not_be_changed(basis: LandmarkBasis) -> None:
    assert LandmarkBasis.load() is basis
    with pytest.raises(ValueError, match="read-only"):
        basis.neutral[0] = 0


def test_it_is_a_face_in_centimetres(basis: LandmarkBasis) -> None:
    width, height, depth = np.ptp(basis.neutral, axis=0)
    assert 10 < width < 20
    assert 12 < height < 25
    assert 5 < depth < 20
    assert basis.neutral[263, 0] > basis.neutral[33, 0], "the subject's left is on the right"
    assert basis.neutral[10, 1] > basis.neutral[152, 1], "the forehead is above the chin"
    assert basis.neutral[1, 2] > basis.neutral[234, 2], "the nose is nearer than an ear"


def test_the_jaw_opens_downwards_and_takes_the_lower_teeth_along(basis: LandmarkBasis) -> None:
    move = moved(basis, jawOpen=1)
    assert move[152, 1] < -1.0
    assert np.abs(move[10]).max() < 0.1
    assert move[14, 1] < move[13, 1] - 1
    teeth = np.tensordot(coefficients(jawOpen=1), basis.anchors_expression, 1)[:, 1]
    assert teeth[ANCHORS.index("lower_teeth")] < -0.5
    assert abs(teeth[ANCHORS.index("upper_teeth")]) < 0.1


def test_shapes_move_their_own_side(basis: LandmarkBasis) -> None:
    left, right = basis.neutral[:, 0] > 1, basis.neutral[:, 0] < -1
    for name in ("eyeBlink", "mouthSmile", "browDown", "mouthLowerDown", "noseSneer"):
        move = np.linalg.norm(basis.expression[ARKIT_INDEX[f"{name}Left"]], axis=1)
        assert move[left].max() > 3 * move[right].max(), name


def test_lips_round_and_spread(basis: LandmarkBasis) -> None:
    def width(**values: float) -> float:
        points = basis.neutral + moved(basis, **values)
        return float(np.linalg.norm(points[61] - points[291]))

    rest = width()
    assert width(mouthPucker=1) < rest - 0.8
    assert width(mouthSmile=1) > rest + 0.5


def test_the_tongue_is_the_atlas_s_business(basis: LandmarkBasis) -> None:
    assert not basis.expression[ARKIT_INDEX["tongueOut"]].any()


def test_mouth_and_eyes_are_holes_in_the_mesh(basis: LandmarkBasis) -> None:
    flat = basis.neutral[:, :2]
    a, b, c = (flat[basis.triangles[:, k]] for k in range(3))
    area = np.cross(b - a, c - a) / 2
    assert (area > -0.02).all(), "wound alike; the closed lips make some that are flat"
    assert (area < 1e-6).mean() < 0.02
    centres = flat[basis.triangles].mean(1)
    for upper, lower in ((159, 145), (386, 374)):
        middle = (flat[upper] + flat[lower]) / 2
        assert np.linalg.norm(centres - middle, axis=1).min() > 0.2
