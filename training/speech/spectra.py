"""What happens to a voice before we hear it, done to its log-mel spectrogram instead of its sound.

A speaker's size and pace, a microphone, a room, a level and other sounds: each has a form in the
power of 80 bands that is good enough to train on and costs microseconds where filtering sound
costs milliseconds. What is left out is the phase between voice and noise.

All functions take and give natural logs of power ``[T, 80]`` float32, columns of 10 ms, as
``engine.features`` makes them, and draw from the generator they are handed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from engine.features import BANDS, FLOOR, LogMel

__all__ = [
    "columns_of",
    "level_of",
    "microphone",
    "mixed",
    "resized",
    "room",
    "sampled",
    "silent_columns",
]

Columns = NDArray[np.float32]

_QUIET = np.float32(np.log(FLOOR))
_LOWEST_MEL, _HIGHEST_MEL = (2595 * np.log10(1 + hz / 700) for hz in (50.0, 7600.0))
_BAND_MELS = np.linspace(_LOWEST_MEL, _HIGHEST_MEL, BANDS + 2)[1:-1]
_BAND_HZ = 700 * (10 ** (_BAND_MELS / 2595) - 1)
_NEPERS_PER_DB = np.float32(np.log(10) / 10)  # of power


def columns_of(sound: NDArray[np.float32]) -> Columns:
    """The spectrogram of a whole recording ``[n]`` at 16 kHz."""
    log_mel = LogMel()
    return log_mel.step(sound, log_mel.initial_state())[0]


def silent_columns(hops: int) -> Columns:
    """``[hops, 80]`` of digital silence."""
    return np.full((hops, BANDS), _QUIET, np.float32)


def sampled(columns: NDArray[np.floating], at: NDArray[np.float64]) -> Columns:
    """The columns at fractional indices ``at [T]``; outside of the recording there is silence."""
    if len(columns) == 0:
        return silent_columns(len(at))
    low = np.floor(at).astype(int)
    share = (at - low).astype(np.float32)[:, None]
    inside = (low >= 0) & (low < len(columns))
    low = np.clip(low, 0, len(columns) - 1)
    out: Columns = (
        columns[low] * (1 - share) + columns[np.minimum(low + 1, len(columns) - 1)] * share
    )
    out[~inside] = _QUIET
    return out


def resized(columns: Columns, factor: float) -> Columns:
    """The same speech from a throat ``1 / factor`` times as long: frequencies times ``factor``.

    Vocal tract length perturbation (Jaitly & Hinton 2013); the pitch moves with the formants.
    """
    source = 2595 * np.log10(1 + _BAND_HZ / factor / 700)
    position = (source - _BAND_MELS[0]) / (_BAND_MELS[1] - _BAND_MELS[0])
    low = np.clip(np.floor(position).astype(int), 0, BANDS - 2)
    share = np.clip(position - low, 0.0, 1.0).astype(np.float32)
    out: Columns = columns[:, low] * (1 - share) + columns[:, low + 1] * share
    return out


def microphone(columns: Columns, rng: np.random.Generator) -> Columns:
    """A random smooth frequency response; one in five is a telephone's or a headset's band."""
    knots = np.log([60, 200, 500, 1200, 3000, 8000])
    decibels = np.interp(np.log(_BAND_HZ), knots, rng.normal(0, 4, len(knots)))
    if rng.random() < 0.2:
        decibels -= 60 * ((rng.uniform(3400, 5000) < _BAND_HZ) | (rng.uniform(0, 300) > _BAND_HZ))
    return np.maximum(columns + decibels.astype(np.float32) * _NEPERS_PER_DB, _QUIET)


def room(columns: Columns, rng: np.random.Generator) -> Columns:
    """Reverberation that dies down by 60 dB in 0.1 to 0.6 s, 3 to 20 dB under the direct sound."""
    kept = np.exp(-13.8 * 0.01 / rng.uniform(0.1, 0.6))  # of the power, from column to column
    share = 10 ** (-rng.uniform(3, 20) / 10)
    power = np.exp(columns)
    tail = lfilter([0.0, share * (1 - kept)], [1.0, -kept], power, axis=0)
    return np.log(power + tail.astype(np.float32))


def level_of(columns: Columns) -> float:
    """The level of the recording in dB: mean power of the bands that carry it."""
    return float(10 * np.log10(np.exp(columns).mean(axis=0).sum() + 1e-12))


def mixed(columns: Columns, gain: float, others: Columns, others_gain: float) -> Columns:
    """Two sounds at once, each after a gain in dB, over the noise floor of the features."""
    power = np.exp(columns + np.float32(gain) * _NEPERS_PER_DB)
    power += np.exp(others + np.float32(others_gain) * _NEPERS_PER_DB)
    return np.log(power + np.float32(FLOOR))
