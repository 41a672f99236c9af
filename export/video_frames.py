"""Real frames made into lessons: pictures on the canvas, and fields that explain their shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from export.align import Framing
from export.canvas import canvas_picture
from export.landmarks import EYES, INNER_LIP_LOWER, INNER_LIP_UPPER, lip_gap
from export.outline import no_overlap
from export.puppet import Puppet
from export.video_canvas import even_light, face_mask, unposed
from export.video_motion import Tracked
from export.video_reading import read_video
from export.video_tune import RealFrames

__all__ = ["Scene", "choose_frames", "real_frames", "seen_landmarks"]

_PICTURE = 256  # pixels of the canvas pictures, as fine as the canvas is in a frame of 512
_EYE_POINTS = sorted({point for eye in EYES for row in eye for point in row})


@dataclass(frozen=True)
class Scene:
    """What a video's lessons are drawn on.

    framing: of the rest frame. puppet: of it, its mouth closed.
    """

    framing: Framing
    puppet: Puppet

    @property
    def rest(self) -> NDArray[np.float32]:
        """Landmarks at rest in the video's pixels, ``[478, 3]``: motion is counted from here."""
        matrix, framing = self.puppet.matrix, self.framing.matrix
        points = self.framing.landmarks.copy()
        points[:468, :2] = self.puppet.rest @ matrix[:, :2].T + matrix[:, 2]
        points[:, :2] -= framing[:, 2]
        return np.asarray(points / framing[0, 0], np.float32)

    @property
    def photo(self) -> NDArray[np.uint8]:
        """The canvas of the photo, ``[256, 256, 3]`` uint8 RGB."""
        return canvas_picture(self.puppet.image, self.puppet.matrix, _PICTURE)

    @property
    def mask(self) -> NDArray[np.float32]:
        """Where the face is on it, ``[256, 256]``."""
        return face_mask(self.unit(self.rest[:468, :2]), _PICTURE)

    def unit(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """The video's pixels, in the rest frame's pose, to the canvas's unit square."""
        frame = points @ self.framing.matrix[:, :2].T + self.framing.matrix[:, 2]
        matrix = self.puppet.matrix
        return np.asarray((frame - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)


def choose_frames(landmarks: NDArray[np.float32], most: int) -> NDArray[np.int64]:
    """Indices of at most ``most`` of ``landmarks [T, 478, 3]``, spread over the video.

    Closed lips are frequent and all alike, so open ones are taken more densely.
    """
    worth = 0.5 + _openness(lip_gap(landmarks))
    share = np.cumsum(worth) / worth.sum()
    return np.unique(np.searchsorted(share, (np.arange(most) + 0.5) / most))


def _openness(gaps: NDArray[np.floating]) -> NDArray[np.float64]:
    """0 for closed lips, 1 for wide ones of this speaker."""
    return np.asarray(np.clip(gaps / max(float(np.quantile(gaps, 0.95)), 1e-3), 0, 1.5))


def seen_landmarks(
    scene: Scene, face: NDArray[np.float32], posed: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Landmarks of the puppet moved to where they were seen: ``[468, 2]`` canvas units.

    posed: ``[468, 2]``, of Tracked. Lids stay the model's: it knows that a blink ends shut.
    """
    points = scene.puppet.rest + scene.unit(posed) - scene.unit(scene.rest[:468, :2])
    points[_EYE_POINTS] = scene.puppet.landmarks(face)[_EYE_POINTS]
    return no_overlap(points, INNER_LIP_UPPER, INNER_LIP_LOWER)


def real_frames(
    videos: Sequence[Path],
    indices: NDArray[np.integer],
    landmarks: NDArray[np.float32],
    tracked: Tracked,
    scene: Scene,
    size: int,
    progress: Callable[[float], None] = lambda share: None,
) -> RealFrames:
    """Read the frames of these indices again, now that is known what to make of them.

    indices: ``[K]`` of the video's frames, rising. landmarks, tracked: of the same K frames.
    size: of the generator's canvas.
    """
    photo, skin = scene.photo, scene.mask > 0.99
    pictures = np.empty((len(indices), _PICTURE, _PICTURE, 3), np.uint8)
    fields = np.empty((len(indices), 8, size, size), np.float16)
    places = {int(index): k for k, index in enumerate(indices)}
    for frame in read_video(videos, wanted=places.keys(), note=lambda text: None):
        if frame.image is None:
            continue
        k = places[frame.index]
        posed = scene.unit(tracked.posed[k])
        pictures[k] = even_light(unposed(frame.image, landmarks[k], posed, _PICTURE), photo, skin)
        points = seen_landmarks(scene, tracked.face[k], tracked.posed[k])
        fields[k] = scene.puppet.fields(tracked.face[k], size, points).stack()
        progress((k + 1) / len(indices))
    weights = 0.5 + _openness(lip_gap(landmarks))
    return RealFrames(torch.from_numpy(tracked.face), pictures, torch.from_numpy(fields), weights)
