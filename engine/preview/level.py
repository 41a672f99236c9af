"""How loud the microphone is, as a meter shows it.

Peaks at once, and back by 20 dB in 1.7 s, as a programme meter of IEC 60268-10 type I falls.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.live.timeline import RATE

__all__ = ["FLOOR_DB", "fallen", "share", "step"]

FLOOR_DB = -60.0
_FALL_DB = 20.0 / 1.7  # a second


def fallen(level_db: float, seconds: float) -> float:
    """What the meter shows after so long a silence, dBFS."""
    return max(level_db - _FALL_DB * seconds, FLOOR_DB)


def step(samples: NDArray[np.int16], level_db: float) -> float:
    """The level in dBFS after ``[n]`` int16 at 48 kHz, not below ``FLOOR_DB``."""
    peak = int(np.abs(samples.astype(np.int32)).max(initial=0)) / 32768
    before = fallen(level_db, len(samples) / RATE)
    return float(max(before, 20 * np.log10(peak) if peak else FLOOR_DB))


def share(level_db: float) -> float:
    """0 to 1, how much of a meter's length is lit."""
    return min(max(1 - level_db / FLOOR_DB, 0.0), 1.0)
