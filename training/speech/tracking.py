"""Real lip motion: tracked landmarks, freed of the head's pose, against the closed mouth."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from engine.audio import decode
from export.basis import LandmarkBasis
from export.landmarks import OUTER_CANTHI, FaceMesh
from training.speech.lips import LIPS

__all__ = ["Track", "lip_displacement", "raw_landmarks", "track_video"]

log = logging.getLogger(__name__)

# What neither speech nor expression moves much: eye corners, bridge of the nose, forehead, temples.
_RIGID = (33, 133, 362, 263, 168, 6, 197, 195, 8, 9, 151, 10, 127, 356, 234, 454)
_CLOSED_SHARE = 0.1  # of all frames: those of the smallest gap define the closed rest


@dataclass(frozen=True)
class Track:
    """The lips of one clip and its sound.

    times:        ``[T]`` s on the sound's time line, as the container says (offset not corrected)
    displacement: ``[T, 40, 2]`` from the closed rest, in canthus distances; NaN without a face
    sound:        ``[n]`` float32 at 16 kHz
    """

    key: str
    times: NDArray[np.float32]
    displacement: NDArray[np.float32]
    sound: NDArray[np.float32]

    @property
    def seen(self) -> NDArray[np.bool_]:
        """``[T]``: frames with a face."""
        return ~np.isnan(self.displacement[:, 0, 0])


def track_video(path: Path, cache: Path) -> Track:
    """The track of one clip; landmarks are cached as ``cache/NAME.npz``."""
    landmarks, times = raw_landmarks(path, cache)
    sound = np.concatenate(list(decode(path)))
    return Track(path.stem, times, lip_displacement(landmarks), sound)


def raw_landmarks(path: Path, cache: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``[T, 478, 3]`` px (NaN without a face) and the frames' times ``[T]`` s."""
    kept = cache / f"{path.stem}.npz"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        landmarks, times = _landmarks(path)
        beside = kept.with_suffix(".part")
        with beside.open("wb") as out:
            np.savez(out, landmarks=landmarks, times=times)
        beside.replace(kept)
        log.info("tracked %s, %d frames", path.name, len(times))
    with np.load(kept, allow_pickle=False) as z:
        return z["landmarks"].astype(np.float32), z["times"].astype(np.float32)


def lip_displacement(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Landmarks ``[T, 478, 3]`` of one clip to lips ``[T, 40, 2]`` against the closed rest.

    Each frame is laid on the clip's mean head, and that on the neutral head of the basis, both by
    the best similarity transform (Umeyama 1991) of points that only the head moves. Rest is the
    median of the tenth of the frames whose lips are the closest.
    """
    points = landmarks * np.array([1, -1, -1], np.float32)  # y up, z to the viewer
    seen = ~np.isnan(points[:, 0, 0])
    neutral = LandmarkBasis.load().neutral
    rigid = list(_RIGID)
    mean = points[seen].mean(axis=0)
    for _ in range(2):
        mean = np.mean([_Similarity(p[rigid], mean[rigid])(p) for p in points[seen]], axis=0)
    frontal = _Similarity(mean[rigid], neutral[rigid])(mean)
    laid = np.stack([_Similarity(p[rigid], frontal[rigid])(p) for p in points[seen]])
    laid /= np.linalg.norm(np.subtract(*frontal[list(OUTER_CANTHI), :2]))
    openness = laid[:, 13, 1] - laid[:, 14, 1]
    closed = openness <= np.quantile(openness, _CLOSED_SHARE)
    lips = laid[:, list(LIPS), :2]
    out = np.full((len(points), len(LIPS), 2), np.nan, np.float32)
    out[seen] = lips - np.median(lips[closed], axis=0)
    return out


def _landmarks(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``[T, 478, 3]`` px (NaN without a face) and ``[T]`` s."""
    found, times = [], []
    missing = np.full((478, 3), np.nan, np.float32)
    with av.open(str(path)) as container, FaceMesh(video=True) as mesh:
        for n, frame in enumerate(container.decode(video=0)):
            face = mesh.detect(frame.to_ndarray(format="rgb24"))
            found.append(missing if face is None else face)
            times.append(n / 25 if frame.time is None else frame.time)
    return np.stack(found), np.array(times, np.float32)


class _Similarity:
    """The similarity transform that lays points ``a [n, 3]`` on ``b [n, 3]`` best."""

    def __init__(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> None:
        self._from, self._to = a.mean(axis=0), b.mean(axis=0)
        x, y = a - self._from, b - self._to
        u, s, vt = np.linalg.svd(y.T @ x)
        sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
        self._turn = u @ sign @ vt
        self._scale = (s * sign.diagonal()).sum() / (x**2).sum()

    def __call__(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        turned: NDArray[np.float32] = self._scale * (points - self._from) @ self._turn.T + self._to
        return turned
