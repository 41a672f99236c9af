"""What the audio encoder hears: 28 x 12 windows of MFCC, one a video frame.

The front end of Chen et al., "Hierarchical Cross-Modal Talking Face Generation with Dynamic
Pixel-Wise Loss" (CVPR 2019), whose audio encoder Alghamdi et al. take over: 13 coefficients, 25 ms
windows, 10 ms hop, the first (the energy) left out; the window of a frame is 280 ms wide with the
frame in its middle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from python_speech_features import mfcc

from engine.audio import FRAME_SAMPLES, HOP_SAMPLES, SAMPLE_RATE

__all__ = ["COEFFICIENTS", "WINDOW_HOPS", "mfcc_windows"]

WINDOW_HOPS = 28
COEFFICIENTS = 12
_HOPS_A_FRAME = FRAME_SAMPLES // HOP_SAMPLES
_BEFORE = 3 * FRAME_SAMPLES  # the window begins three frames before its own


def mfcc_windows(sound: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """``[frames, 28, 12]`` for 16 kHz mono ``sound [n]`` in [-1, 1]; silence beyond its ends.

    Scaled as 16 bit samples, which the coefficients' usual range belongs to.
    """
    span = (frames - 1) * FRAME_SAMPLES + WINDOW_HOPS * HOP_SAMPLES + SAMPLE_RATE // 40
    padded = np.zeros(span, np.float32)
    heard = sound[: span - _BEFORE]
    padded[_BEFORE : _BEFORE + len(heard)] = heard * 32767
    columns = mfcc(padded, SAMPLE_RATE, winstep=HOP_SAMPLES / SAMPLE_RATE)[:, 1:]
    starts = np.arange(frames) * _HOPS_A_FRAME
    return columns[starts[:, None] + np.arange(WINDOW_HOPS)].astype(np.float32)
