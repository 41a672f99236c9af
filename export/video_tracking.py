"""The first pass over a video: whose face is where in every frame, and how it looks there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from engine.errors import BadPhoto
from export.align import eye_centres
from export.basis import LandmarkBasis
from export.landmarks import EYES, FaceMesh
from export.video_reading import read_video

__all__ = ["GLIMPSE", "Track", "similarity", "track_video"]

GLIMPSE = 64  # pixels
_GLIMPSE_EYES = np.array([[23.0, 25.0], [41.0, 25.0]])  # the protocol's crop at a quarter
_RIVAL = 0.7  # a second face of this share of the first one's height is no passer-by
_RIVAL_SHARE = 0.2


@dataclass(frozen=True)
class Track:
    """One person through a video; T frames.

    seconds:   ``[T]``.
    landmarks: ``[T, 478, 3]`` float32 pixels, NaN where no face was found.
    glimpses:  ``[T, 64, 64, 3]`` uint8 RGB, the face aligned by the eyes.
    sharpness: ``[T]`` variance of the Laplacian of the aligned face in twice that size.
    """

    seconds: NDArray[np.float64]
    landmarks: NDArray[np.float32]
    glimpses: NDArray[np.uint8]
    sharpness: NDArray[np.float64]

    @property
    def found(self) -> NDArray[np.bool_]:
        """Where there is a face, ``[T]``."""
        return ~np.isnan(self.landmarks[:, 0, 0])

    @property
    def heights(self) -> NDArray[np.float64]:
        """Of the face from brow to chin, ``[T]`` pixels."""
        y = self.landmarks[:, :468, 1].astype(np.float64)
        return np.asarray(y.max(1) - y.min(1))

    @property
    def openings(self) -> NDArray[np.float64]:
        """Of the wider eye over its width, ``[T]``."""
        return np.max([_opening(self.landmarks, upper, lower) for upper, lower in EYES], axis=0)

    def rotations(self) -> NDArray[np.float64]:
        """Rough rotation vectors of the head (right, up, to the viewer), ``[T, 3]`` radians.

        From the mesh's own depth, which is good enough to compare frames with each other.
        """
        neutral = LandmarkBasis.load().neutral
        still = neutral - neutral.mean(0)
        vectors = np.full((len(self.landmarks), 3), np.nan)
        for k in np.flatnonzero(self.found):
            points = self.landmarks[k, :468].astype(np.float64) * (1, -1, -1)
            vectors[k] = Rotation.align_vectors(points - points.mean(0), still)[0].as_rotvec()
        return vectors


def track_video(
    paths: Sequence[Path],
    progress: Callable[[float], None] = lambda share: None,
    note: Callable[[str], None] = lambda text: None,
) -> Track:
    """Find the face in every frame; of several people the one who is largest at first.

    Raises BadPhoto for what is no video, for one without a face and for one of two people.
    """
    nobody = np.full((478, 3), np.nan, np.float32)
    seconds, landmarks, glimpses, sharpness, rivals = [], [], [], [], []
    followed: NDArray[np.float32] | None = None
    with FaceMesh(video=True, max_faces=2) as mesh:
        for frame in read_video(paths, progress=progress, note=note):
            assert frame.image is not None
            faces = mesh.detect_all(frame.image)
            face = _same_person(faces, followed)
            glimpse, sharp = _look(frame.image, face)
            seconds.append(frame.seconds)
            landmarks.append(nobody if face is None else face)
            glimpses.append(glimpse)
            sharpness.append(sharp)
            heights = sorted(float(np.ptp(f[:468, 1])) for f in faces)
            rivals.append(heights[0] / heights[1] if len(heights) > 1 else 0.0)
            followed = face if face is not None else followed
    if followed is None:
        raise BadPhoto(
            "no face was found in the video, expected one that looks into the camera: "
            "use a well-lit, frontal one"
        )
    crowded = float(np.mean(np.array(rivals) > _RIVAL))
    if crowded > _RIVAL_SHARE:
        raise BadPhoto(
            f"two people are in {crowded:.0%} of the video, expected one: crop it to the person, "
            "or film one alone"
        )
    if any(rivals):
        note("a second face is in the video: the one that was larger at first was followed")
    return Track(np.array(seconds), np.stack(landmarks), np.stack(glimpses), np.array(sharpness))


def _same_person(
    faces: list[NDArray[np.float32]], followed: NDArray[np.float32] | None
) -> NDArray[np.float32] | None:
    """The face nearest to the one that was followed, or the largest at first."""
    if not faces:
        return None
    if followed is None:
        return max(faces, key=lambda f: float(np.ptp(f[:468, 1])))
    at, reach = followed[:468, :2].mean(0), float(np.ptp(followed[:468, 1]))
    nearest = min(faces, key=lambda f: float(np.linalg.norm(f[:468, :2].mean(0) - at)))
    # Alone he may be anywhere: a cut or a pause lies between. Of two, a far one is the other.
    far = np.linalg.norm(nearest[:468, :2].mean(0) - at) > reach
    return None if far and len(faces) > 1 else nearest


def similarity(source: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float64]:
    """``[2, 3]``: brings two points to two others, ``[2, 2]`` each."""
    k = complex(*(target[1] - target[0])) / complex(*(source[1] - source[0]))
    turn = np.array([[k.real, -k.imag], [k.imag, k.real]])
    return np.c_[turn, np.mean(target, 0) - turn @ np.mean(source, 0)]


def _look(
    image: NDArray[np.uint8], landmarks: NDArray[np.float32] | None
) -> tuple[NDArray[np.uint8], float]:
    """A glimpse of the face, and its sharpness; black and 0 where there is none."""
    if landmarks is None:
        return np.zeros((GLIMPSE, GLIMPSE, 3), np.uint8), 0.0
    # Drawn eight times as large and averaged: a large face must not alias.
    matrix = similarity(eye_centres(landmarks), 8 * _GLIMPSE_EYES)
    large = cv2.warpAffine(image, matrix, (8 * GLIMPSE, 8 * GLIMPSE), flags=cv2.INTER_LINEAR)
    fine = cv2.resize(large, (2 * GLIMPSE, 2 * GLIMPSE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(fine, cv2.COLOR_RGB2GRAY)
    inner = grey[GLIMPSE // 2 : -GLIMPSE // 4, GLIMPSE // 2 : -GLIMPSE // 2]
    sharp = float(cv2.Laplacian(inner, cv2.CV_64F).var())
    return cv2.resize(fine, (GLIMPSE, GLIMPSE), interpolation=cv2.INTER_AREA), sharp


def _opening(
    landmarks: NDArray[np.float32], upper: tuple[int, ...], lower: tuple[int, ...]
) -> NDArray[np.float64]:
    above, below = landmarks[:, list(upper), :2], landmarks[:, list(lower), :2]
    gap = np.linalg.norm(above[:, 2:-2] - below[:, 2:-2], axis=-1).mean(1)
    width = np.linalg.norm(above[:, 0] - above[:, -1], axis=-1)
    return np.asarray(gap / np.maximum(width, 1e-3), np.float64)
