"""One real face that everyone may use, found once: NASA's portrait of Eileen Collins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.basis import LandmarkBasis
from export.fit import Pose
from export.video_tracking import Track
from tests import videos


@dataclass(frozen=True)
class Face:
    """image: ``[H, W, 3]`` uint8 RGB. landmarks: ``[478, 3]`` pixels."""

    image: NDArray[np.uint8]
    landmarks: NDArray[np.float32]


@pytest.fixture(scope="session")
def astronaut() -> Face:
    """A smiling woman, 106 pixels from brow to chin in 512 x 512; for tests marked ``export``."""
    from skimage import data

    from export.landmarks import FaceMesh

    image = data.astronaut()
    with FaceMesh() as mesh:
        landmarks = mesh.detect(image)
    assert landmarks is not None
    return Face(image, landmarks)


@pytest.fixture(scope="session")
def neutral() -> Face:
    """The basis's own face, mouth shut, in a picture that is all skin."""
    basis = LandmarkBasis.load()
    pose = Pose(np.zeros(3), 12.0, np.array([160.0, 150.0]))
    flat = pose.project(basis.neutral)
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:468, :2] = flat
    eyes = ((33, 133), (362, 263))
    for first, (a, b) in zip((468, 473), eyes, strict=True):
        centre = (flat[a] + flat[b]) / 2
        radius = 0.2 * np.linalg.norm(flat[a] - flat[b])
        around = np.array([[0, 0], [1, 0], [0, -1], [-1, 0], [0, 1]])
        landmarks[first : first + 5, :2] = centre + radius * around
    y, x = np.mgrid[:320, :320]
    image = np.stack([170 + x // 8, 120 + y // 8, 100 + (x + y) // 16], -1).astype(np.uint8)
    return Face(image, landmarks)


@dataclass(frozen=True)
class Filmed:
    """A built-in avatar that talked for three seconds. frames: ``[H, W, 3]`` uint8 RGB each.
    track: an ``export.video_tracking.Track`` of it."""

    path: Path
    frames: list[NDArray[np.uint8]]
    track: Track


@pytest.fixture(scope="session")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Filmed:
    """For tests marked ``export``."""
    from export.video_reading import read_video
    from export.video_tracking import track_video

    path = videos.write(tmp_path_factory.mktemp("filmed") / "talk.mp4", videos.talking(75))
    frames = [frame.image for frame in read_video([path]) if frame.image is not None]
    return Filmed(path, frames, track_video([path]))
