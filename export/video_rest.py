"""The frame of a video that becomes the avatar's photo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.landmarks import lip_gap, mouth_width
from export.puppet import CLOSED_GAP
from export.video_quality import MOST_TURN, Verdicts
from export.video_tracking import Track

__all__ = ["choose_rest"]

# What a frame is worth: standard deviations of the video's fit frames, weighted.
_WEIGHTS = {
    "turned": 1.5,  # from the middle pose, so that the warp reaches all others
    "unlike the usual face": 1.0,
    "not neutral": 1.0,
    "soft": 0.5,
    "eyes not open": 1.0,
}


def choose_rest(track: Track, verdicts: Verdicts) -> int:
    """Index of the frame with closed lips, open eyes, a neutral mouth, in the middle pose, sharp.

    Where the lips never close, the one with the smallest gap among the narrowest tenth.
    """
    fit = np.flatnonzero(verdicts.fit)
    landmarks = track.landmarks[fit]
    gap = lip_gap(landmarks)
    limit = max(0.6 * CLOSED_GAP, float(np.quantile(gap, 0.10)))
    candidates = gap <= limit
    opening = track.openings[fit]
    width = mouth_width(landmarks)
    glimpses = track.glimpses[fit].astype(np.int16)
    sample = glimpses[np.linspace(0, len(fit) - 1, min(200, len(fit))).astype(int)]
    usual = np.median(sample, axis=0)
    rotations = track.rotations()[fit]
    cost = {
        "turned": np.hypot(*(rotations - np.median(rotations, axis=0))[:, :2].T) / MOST_TURN * 3,
        "unlike the usual face": _standard(np.abs(glimpses - usual).mean((1, 2, 3))),
        "not neutral": np.abs(_standard(width - np.median(width[candidates]))),
        "soft": -np.minimum(_standard(track.sharpness[fit]), 1.0),
        "eyes not open": np.maximum(0, 0.95 * np.median(opening) - opening) / 0.02,
    }
    total = sum(_WEIGHTS[name] * value for name, value in cost.items())
    return int(fit[np.argmin(np.where(candidates, total, np.inf))])


def _standard(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """In robust standard deviations from the median."""
    off = np.asarray(values, np.float64) - np.median(values)
    return np.asarray(off / max(1.4826 * float(np.median(np.abs(off))), 1e-6))
