"""The fit finds again what was put in: pose, coefficients, and through a video."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from engine.motion import ARKIT_INDEX, coefficients
from export.basis import LandmarkBasis
from export.fit import Fit, Pose, fit, track


def shown(
    face: NDArray[np.float32], degrees: tuple[float, float, float] = (0, 0, 0), seed: int = 0
) -> NDArray[np.float64]:
    """Landmarks ``[468, 2]`` of somebody at a motion, turned about x, y and z of the basis."""
    basis = LandmarkBasis.load()
    identity = np.zeros(100)
    identity[:20] = 0.8 * np.random.default_rng(seed).standard_normal(20)
    rotation = Rotation.from_euler("xyz", degrees, degrees=True).as_rotvec()
    pose = Pose(rotation, 15.0, np.array([250.0, 240.0]))
    return pose.project(Fit(pose, identity, face.astype(float), 0.0).points(basis))


def test_finds_the_pose() -> None:
    found = fit(shown(coefficients(), (8, -12, 5)))
    np.testing.assert_allclose(np.degrees(found.head()), [8, -12, -5], atol=2.5)
    assert found.error < 0.01


@pytest.mark.parametrize(
    ("degrees", "sign"),
    [((15, 0, 0), (1, 0, 0)), ((0, 15, 0), (0, 1, 0)), ((0, 0, -15), (0, 0, 1))],
    ids=["nod down", "turn to the subject's left", "tilt to the subject's left shoulder"],
)
def test_the_head_turns_as_motion_counts(
    degrees: tuple[float, float, float], sign: tuple[int, int, int]
) -> None:
    head = np.degrees(fit(shown(coefficients(), degrees)).head())
    np.testing.assert_allclose(head, np.multiply(15, sign), atol=3)


@pytest.mark.parametrize(
    "motion",
    [{"jawOpen": 0.6}, {"mouthPucker": 0.8}, {"mouthSmile": 0.7}, {"eyeBlink": 0.9},
     {"browInnerUp": 0.8}],
    ids=lambda m: next(iter(m)),
)  # fmt: skip
def test_finds_the_motion(motion: dict[str, float]) -> None:
    """The landmarks always; single coefficients are ambiguous, but the main one stands out."""
    target = coefficients(**motion)
    landmarks = shown(target)
    found = fit(landmarks)
    again = found.pose.project(found.points(LandmarkBasis.load()))
    assert np.linalg.norm(again - landmarks, axis=1).mean() < 1.0
    main = np.flatnonzero(target)
    assert found.face[main].mean() > 0.4 * target[main].mean()
    others = np.delete(found.face, main)
    assert others.max() < found.face[main].max()


def test_coefficients_stay_within_nought_and_one() -> None:
    found = fit(shown(coefficients(jawOpen=1, mouthFunnel=1, eyeBlink=1)) * (1, 1.1))
    assert found.face.min() >= 0
    assert found.face.max() <= 1


def test_takes_detected_landmarks_of_any_depth() -> None:
    flat = shown(coefficients(jawOpen=0.5))
    deep = np.concatenate([np.c_[flat, np.full(468, 9.0)], np.zeros((10, 3))])
    np.testing.assert_array_equal(fit(flat).face, fit(deep).face)


def test_tracks_a_talking_mouth_through_a_video() -> None:
    jaw = 0.4 - 0.4 * np.cos(np.arange(16) / 16 * 4 * np.pi)
    frames = [shown(coefficients(jawOpen=v), (0, 4 * v, 0)) for v in jaw]
    found = list(track(frames, enrol=3))
    assert len(found) == len(frames)
    tracked = np.array([f.face[ARKIT_INDEX["jawOpen"]] for f in found])
    assert np.corrcoef(tracked, jaw)[0, 1] > 0.97
    identities = {f.identity.tobytes() for f in found}
    assert len(identities) == 1, "one person, one identity"
