"""Which frames of a video are fit to learn a face from, and why the others are not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from engine.errors import BadPhoto
from export.video_tracking import GLIMPSE, Track

__all__ = ["FEWEST", "MOST_TURN", "REASONS", "Verdicts", "judge"]

# In the order in which they are looked for; a frame is dropped for the first that holds.
REASONS = ("no face", "too small", "head turned", "blurred", "covered", "landmarks jump")
MOST_TURN = np.radians(8.0)  # from the middle pose: what the compositor's warp can still follow
FEWEST = 50  # two seconds
_LEAST_FACE = 96  # pixels from brow to chin, as for a photo
_LEAST_SHARP = 0.35  # of the median
_MOST_JUMP = 0.06  # of landmarks between frames, in the distance of the eyes
_COVERED_LEVELS = 26.0  # a block differs by more than this from the median face
_COVERED_SHARE = 0.14  # of the face's blocks
_BLOCK = 4


@dataclass(frozen=True)
class Verdicts:
    """reason: ``[T]`` index into ``REASONS``, -1 where a frame is fit."""

    reason: NDArray[np.int64]

    @property
    def fit(self) -> NDArray[np.bool_]:
        """``[T]``."""
        return self.reason < 0

    def counts(self) -> dict[str, int]:
        """How many frames were dropped for which reason; reasons that occur only."""
        found = Counter(REASONS[k] for k in self.reason if k >= 0)
        return {name: found[name] for name in REASONS if name in found}

    def __str__(self) -> str:
        dropped = ", ".join(f"{count} {name}" for name, count in self.counts().items())
        return f"{int(self.fit.sum())} of {len(self.reason)} frames are fit" + (
            f" (dropped: {dropped})" if dropped else ""
        )


def judge(track: Track) -> Verdicts:
    """Judge every frame against the video's own typical frame.

    Raises BadPhoto where too few frames are fit.
    """
    found = track.found
    median_height = float(np.median(track.heights[found]))
    if median_height < _LEAST_FACE:
        raise BadPhoto(
            f"the face is {median_height:.0f} pixels high in the video, expected {_LEAST_FACE} or "
            "more: film closer"
        )
    reason = np.full(len(found), -1)
    checks = (
        ~found,
        track.heights < 0.6 * median_height,
        _turned(track),
        track.sharpness < _LEAST_SHARP * float(np.median(track.sharpness[found])),
        _covered(track),
        _jumps(track),
    )
    for k, wrong in enumerate(checks):
        reason[(reason < 0) & wrong] = k
    verdicts = Verdicts(reason)
    if verdicts.fit.sum() < FEWEST:
        raise BadPhoto(
            f"{verdicts}, expected {FEWEST} or more: film 10 seconds or more, frontal, in good "
            "light, nothing before the face"
        )
    return verdicts


def _turned(track: Track) -> NDArray[np.bool_]:
    """Turned from the middle pose by more than the limit."""
    rotations = track.rotations()
    middle = Rotation.from_rotvec(np.nanmedian(rotations, axis=0)).inv()
    turned = np.zeros(len(rotations), bool)
    for k in np.flatnonzero(track.found):
        angle = (Rotation.from_rotvec(rotations[k]) * middle).as_rotvec()
        # Roll is no matter: frames are aligned by the eyes.
        turned[k] = np.hypot(angle[0], angle[1]) > MOST_TURN
    return turned


def _covered(track: Track) -> NDArray[np.bool_]:
    """A hand, a cup or hair: much of the face differs from what it mostly looks like.

    Light may change: each frame is first brought to the median face's brightness.
    """
    found = np.flatnonzero(track.found)
    sample = track.glimpses[found[np.linspace(0, len(found) - 1, 200).astype(int)]]
    usual = np.median(sample, axis=0)
    blocks = GLIMPSE // _BLOCK
    face = np.zeros((GLIMPSE, GLIMPSE), np.uint8)
    cv2.ellipse(face, (32, 36), (15, 22), 0, 0, 360, 255, -1)
    inside = cv2.resize(face, (blocks, blocks), interpolation=cv2.INTER_AREA) > 127
    small_usual = _shrunk(usual)[inside]
    covered = np.zeros(len(track.glimpses), bool)
    for k in found:
        small = _shrunk(track.glimpses[k])[inside]
        gain = np.median(small_usual / np.maximum(small, 8), axis=0)
        levels = np.abs(small * gain - small_usual).mean(1)
        covered[k] = np.mean(levels > _COVERED_LEVELS) > _COVERED_SHARE
    return covered


def _shrunk(glimpse: NDArray[np.floating] | NDArray[np.uint8]) -> NDArray[np.float32]:
    side = GLIMPSE // _BLOCK
    return np.asarray(
        cv2.resize(glimpse.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    )


def _jumps(track: Track) -> NDArray[np.bool_]:
    """Landmarks that leave their neighbours on both sides, measured in the eyes' frame."""
    points = _normalised(track.landmarks)
    step = np.linalg.norm(np.diff(points, axis=0), axis=-1).mean(1)
    step = np.where(np.isnan(step), 0.0, step)
    before, after = np.r_[0.0, step], np.r_[step, 0.0]
    return np.minimum(before, after) > _MOST_JUMP


def _normalised(landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
    """``[T, 468, 2]`` with the eye centres at (-1/2, 0) and (1/2, 0)."""
    points = landmarks[:, :468, :2].astype(np.float64)
    right, left = points[:, [33, 133]].mean(1), points[:, [362, 263]].mean(1)
    across = (left - right)[..., 0] + 1j * (left - right)[..., 1]
    flat = (points - (right + left)[:, None] / 2) @ (1, 1j)
    with np.errstate(invalid="ignore"):  # where there is no face
        turned = flat / across[:, None]
    return np.stack([turned.real, turned.imag], -1)
