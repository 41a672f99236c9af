"""Source portraits: pixels, landmarks, and the landmarks of the same face at rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.motion import ARKIT, ARKIT_INDEX
from export.align import eye_centres
from export.basis import LandmarkBasis
from export.fit import fit
from export.landmarks import FaceMesh, lip_gap
from export.puppet import CLOSED_GAP

__all__ = ["Portrait", "eye_similarity", "load_portrait", "mirror"]

# How much of each expression is taken out of a face before shapes are averaged: what opens the
# mouth wholly, a smile mostly, so that the blend keeps a friendly trace of it.
_RELAXED = {
    **dict.fromkeys(
        ("jawOpen", "mouthFunnel", "mouthLowerDownLeft", "mouthLowerDownRight",
         "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight"), 1.0
    ),
    **dict.fromkeys(
        ("mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
         "mouthDimpleLeft", "mouthDimpleRight", "cheekSquintLeft", "cheekSquintRight"), 0.75
    ),
    **dict.fromkeys(("eyeSquintLeft", "eyeSquintRight"), 0.5),
}  # fmt: skip


@dataclass(frozen=True)
class Portrait:
    """image: ``[H, W, 3]`` uint8 RGB. landmarks: ``[478, 3]`` float32 pixels of it.
    relaxed: ``[478, 2]`` float64, the landmarks with most of the expression taken back.
    closed: whether the lips meet in the picture."""

    name: str
    image: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    relaxed: NDArray[np.float64]
    closed: bool


def load_portrait(path: Path, mesh: FaceMesh) -> Portrait:
    """Read a portrait and find its face.

    Raises FileNotFoundError where the file is no picture, ValueError where it shows no face.
    """
    bgr = cv2.imread(str(path))
    if bgr is None:
        raise FileNotFoundError(f"no picture at {path}")
    image = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    landmarks = mesh.detect(image)
    if landmarks is None:
        raise ValueError(f"no face in {path}")
    closed = float(lip_gap(landmarks)) < CLOSED_GAP
    return Portrait(path.stem, image, landmarks, _relax(landmarks), closed)


def mirror(portrait: Portrait, mesh: FaceMesh) -> Portrait:
    """The portrait flipped left to right, its landmarks found anew (their numbers change sides)."""
    image = np.ascontiguousarray(portrait.image[:, ::-1])
    landmarks = mesh.detect(image)
    if landmarks is None:
        raise ValueError(f"no face in mirrored {portrait.name}")
    return Portrait(portrait.name, image, landmarks, _relax(landmarks), portrait.closed)


def _relax(landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Take the expression back that the landmark basis explains."""
    basis = LandmarkBasis.load()
    # The fit works in pixels of about a face's usual size; portraits have it.
    fitted = fit(landmarks)
    share = np.zeros(len(ARKIT))
    for name, amount in _RELAXED.items():
        share[ARKIT_INDEX[name]] = amount
    undone = np.tensordot(fitted.face * share, basis.expression, 1)
    points = landmarks[:, :2].astype(np.float64)
    moved = fitted.pose.project_displacement(fitted.points(basis), -undone)
    points[:468] += moved
    return points


def eye_similarity(points: NDArray[np.floating], eyes: NDArray[np.floating]) -> NDArray[np.float64]:
    """``[2, 3]`` similarity that brings the eye centres of ``points`` to ``eyes [2, 2]``."""
    own = eye_centres(points)
    a, b = complex(*(own[1] - own[0])), complex(*(eyes[1] - eyes[0]))
    k = b / a
    linear = np.array([[k.real, -k.imag], [k.imag, k.real]])
    return np.c_[linear, eyes.mean(0) - linear @ own.mean(0)]
