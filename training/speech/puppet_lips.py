"""How far a driven puppet's lips are from real ones.

The puppet of a clip's rest frame is driven by the clip's tracked motion and by its sound; its 20
outer lip landmarks are compared with the real ones after both are aligned by the eyes (eye centres
72 px apart), on the 40 % of frames with the widest real gap. No pixel is drawn: the puppet's
landmarks are what its pictures are warped by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from export.align import CANVAS_EYES, canvas_matrix
from export.fit import track_from_rest
from export.landmarks import OUTER_LIPS, lip_gap
from export.puppet import CLOSED_GAP, Puppet
from training.speech.measure import faces_at
from training.speech.tracking import raw_landmarks, track_video

__all__ = ["lip_distances", "rest_of"]

_EYES_APART_PX = 72.0
_OPEN_SHARE = 0.4


def lip_distances(
    path: Path,
    cache: Path,
    systems: Mapping[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]],
) -> dict[str, float]:
    """Mean distance in px for each way to drive the puppet of the clip at ``path``.

    systems: sound ``[n]`` -> coefficients ``[T, 52]`` at 100 Hz. Beside them stand ``still``, for
    not at all, and ``tracked``, for the motion of the clip itself.
    """
    track, (landmarks, _) = track_video(path, cache), raw_landmarks(path, cache)
    seen = ~np.isnan(landmarks[:, 0, 0])
    rest = rest_of(landmarks)
    puppet = Puppet(_frame(path, rest), landmarks[rest])
    real = np.stack([_canvas(points) for points in landmarks[seen]])  # [T, 478, 2]
    gaps = lip_gap(landmarks[seen])
    widest = np.argsort(-gaps)[: max(1, round(_OPEN_SHARE * len(gaps)))]
    driven = {
        "still": np.zeros((len(real), 52), np.float32),
        "tracked": np.stack([f.face for f in track_from_rest(landmarks[seen], landmarks[rest])]),
    } | {name: faces_at(drive(track.sound), track.times[seen]) for name, drive in systems.items()}
    return {
        name: float(np.mean([_distance(puppet.landmarks(faces[n]), real[n]) for n in widest]))
        for name, faces in driven.items()
    }


def rest_of(landmarks: NDArray[np.float32]) -> int:
    """The first frame with a closed mouth, or else the one with the smallest gap."""
    gaps = lip_gap(landmarks)
    closed = np.flatnonzero(gaps < CLOSED_GAP)
    return int(closed[0]) if len(closed) else int(np.nanargmin(gaps))


def _frame(path: Path, index: int) -> NDArray[np.uint8]:
    video = cv2.VideoCapture(str(path))
    for _ in range(index + 1):
        read, frame = video.read()
        assert read, f"{path} has no frame {index}"
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB).astype(np.uint8)


def _canvas(landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
    """``[478, 3]`` px to the eye-aligned unit square, ``[478, 2]``."""
    matrix = canvas_matrix(landmarks)
    linear = np.linalg.inv(matrix[:, :2])
    return (landmarks[:, :2].astype(np.float64) - matrix[:, 2]) @ linear.T


def _distance(ours: NDArray[np.float64], real: NDArray[np.float64]) -> float:
    """Mean over the outer lips, px."""
    scale = _EYES_APART_PX / np.linalg.norm(CANVAS_EYES[1] - CANVAS_EYES[0])
    lips = list(OUTER_LIPS)
    apart = np.linalg.norm(ours[lips] - real[lips], axis=-1)
    return float(scale * apart.mean())
