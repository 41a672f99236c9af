"""What a face in a video does, relative to its rest frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from engine.motion import Motion
from export.align import eye_centres
from export.basis import LandmarkBasis
from export.fit import Fit, rest_shape, track_from_rest
from export.video_tracking import similarity

__all__ = ["Tracked", "relative_head", "track_motion"]


@dataclass(frozen=True)
class Tracked:
    """The motion of T frames.

    face: ``[T, 52]`` float32 ARKit coefficients, 0 at the rest frame.
    head: ``[T, 3]`` float32 pitch, yaw, roll from the rest frame's pose, radians.
    posed: ``[T, 468, 2]`` landmarks as they would be in the rest frame's pose, its pixels.
    """

    face: NDArray[np.float32]
    head: NDArray[np.float32]
    posed: NDArray[np.float64]

    def at(self, frames: NDArray[np.integer]) -> Tracked:
        """Of some frames only."""
        return Tracked(self.face[frames], self.head[frames], self.posed[frames])

    def motion(self, k: int) -> Motion:
        """Of one frame."""
        return Motion(self.face[k], self.head[k])


def track_motion(
    landmarks: NDArray[np.float32],
    rest: NDArray[np.float32],
    progress: Callable[[float], None] = lambda share: None,
) -> Tracked:
    """Track frames in their order: ``landmarks [T, 478, 3]``, ``rest [478, 3]`` pixels, no NaN."""
    basis = LandmarkBasis.load()
    shape, start = rest_shape(rest)
    eyes = eye_centres(rest)
    faces, heads, posed = [], [], []
    for k, found in enumerate(track_from_rest(landmarks, rest)):
        points = found.points(basis, shape)
        # The camera's own scale and tilt, then what the model does not explain of this frame.
        upright = similarity(eye_centres(landmarks[k]), eyes)
        miss = (landmarks[k, :468, :2] - found.pose.project(points)) @ upright[:, :2].T
        still = start.pose.project(points) + miss
        back = similarity(eye_centres(still), eyes)
        faces.append(found.face)
        heads.append(relative_head(found, start))
        posed.append(still @ back[:, :2].T + back[:, 2])
        progress((k + 1) / len(landmarks))
    return Tracked(np.array(faces, np.float32), np.stack(heads), np.stack(posed))


def relative_head(found: Fit, rest: Fit) -> NDArray[np.float32]:
    """Pitch, yaw, roll from ``rest``'s pose to ``found``'s as Motion counts them, ``[3]``."""
    turn = (
        Rotation.from_rotvec(found.pose.rotation) * Rotation.from_rotvec(rest.pose.rotation).inv()
    )
    pitch, yaw, roll = turn.as_euler("xyz")
    return np.array([pitch, yaw, -roll], np.float32)
