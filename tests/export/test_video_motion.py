"""Motion read off a video of a face whose motion is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from engine.motion import ARKIT_INDEX
from export.align import eye_centres
from export.basis import LandmarkBasis
from export.fit import Fit, Pose
from export.video_motion import Tracked, relative_head, track_motion
from tests import videos
from tests.export.conftest import Filmed

pytestmark = pytest.mark.export
REST = 3


@pytest.fixture(scope="module")
def tracked(filmed: Filmed) -> Tracked:
    return track_motion(filmed.track.landmarks, filmed.track.landmarks[REST])


def test_the_jaw_and_the_head_are_followed(tracked: Tracked) -> None:
    jaw = ARKIT_INDEX["jawOpen"]
    asked = [videos.motion(k).face[jaw] for k in range(75)]
    assert np.corrcoef(tracked.face[:, jaw], asked)[0, 1] > 0.7
    yaw = [videos.motion(k).head[1] for k in range(75)]
    assert np.corrcoef(tracked.head[:, 1], yaw)[0, 1] > 0.6


def test_the_rest_frame_rests(tracked: Tracked) -> None:
    assert tracked.face[REST].max() < 0.12
    assert np.abs(tracked.head[REST]).max() < np.radians(1)
    motion = tracked.motion(REST)
    assert motion.face.dtype == np.float32


def test_posed_landmarks_keep_the_eyes_in_place(filmed: Filmed, tracked: Tracked) -> None:
    rest = filmed.track.landmarks[REST]
    for k in (0, 30, 74):
        assert np.allclose(eye_centres(tracked.posed[k]), eye_centres(rest), atol=1e-3)


@pytest.mark.parametrize(
    ("axis", "sign", "name"), [(0, 1, "pitch"), (1, 1, "yaw"), (2, -1, "roll")]
)
def test_heads_are_counted_from_the_rest_frame(axis: int, sign: int, name: str) -> None:
    start = Rotation.from_euler("xyz", [0.05, -0.03, 0.02])
    turn = Rotation.from_rotvec(0.1 * np.eye(3)[axis])
    found, rest = (
        Fit(Pose(r.as_rotvec(), 10.0, np.zeros(2)), np.zeros(100), np.zeros(52), 0.0)
        for r in (turn * start, start)
    )
    expected = np.zeros(3)
    expected[axis] = sign * 0.1
    assert np.allclose(relative_head(found, rest), expected, atol=1e-6), name


def test_a_synthetic_turn_is_taken_back_exactly() -> None:
    """Landmarks of the basis itself, turned: posed, they are where they began."""
    basis = LandmarkBasis.load()
    still = Pose(np.zeros(3), 14.0, np.array([160.0, 150.0]))
    turned = Pose(np.array([0.04, 0.08, 0.03]), 15.0, np.array([150.0, 160.0]))
    rest, seen = (
        np.pad(pose.project(basis.neutral), ((0, 10), (0, 1))).astype(np.float32)
        for pose in (still, turned)
    )
    tracked = track_motion(np.stack([rest, seen, seen]), rest)
    off = np.linalg.norm(tracked.posed[-1] - rest[:468, :2], axis=1)
    bent = np.linalg.norm(seen[:468, :2] - rest[:468, :2], axis=1)
    assert off.mean() < 0.5
    assert bent.mean() > 10
    assert np.allclose(tracked.head[-1], [0.04, 0.08, -0.03], atol=0.015)
