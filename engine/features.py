"""What the speech model hears: a log-mel spectrogram, made column by column as the sound comes.

Column n ends with the last sample of hop n: it is made from samples ``160 (n + 1) - 400`` up to
``160 (n + 1)``, so it is centred 2.5 ms before the start of hop n and needs nothing later than the
hop itself. Before the first sample there was silence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.audio import HOP_SAMPLES, SAMPLE_RATE

__all__ = ["BANDS", "FLOOR", "LogMel", "LogMelState", "mel_filters"]

BANDS = 80
FLOOR = 1e-9  # power, full-scale sine = 1: under the noise of any microphone, above 16-bit rounding
_WINDOW_SAMPLES = 400
_FFT_SAMPLES = 1024  # zero-padded: with 512 the lowest mel bands would fall between two bins
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 7600.0


@dataclass(frozen=True)
class LogMelState:
    """``heard``: ``[k]`` float32, the last samples, from the start of the next window on."""

    heard: NDArray[np.float32]


class LogMel:
    """Streaming log-mel spectrogram, 80 bands from 50 to 7600 Hz, 25 ms Hann window, 10 ms hop.

    The scale is natural log of power, where a full-scale sine in the middle of a band is 0 and
    silence is ``log(FLOOR)``. Immutable; one object serves all sessions.
    """

    def __init__(self) -> None:
        # periodic Hann window, scaled so that a full-scale sine has power 1
        n = np.arange(_WINDOW_SAMPLES)
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / _WINDOW_SAMPLES)
        self._window = (2 * hann / hann.sum()).astype(np.float32)
        self._filters = mel_filters().T.copy()  # [bins, bands]

    def initial_state(self) -> LogMelState:
        """Silence before the stream."""
        return LogMelState(np.zeros(_WINDOW_SAMPLES - HOP_SAMPLES, np.float32))

    def step(
        self, samples: NDArray[np.float32], state: LogMelState
    ) -> tuple[NDArray[np.float32], LogMelState]:
        """Hear ``[n]`` samples at 16 kHz; give the ``[k, 80]`` columns they complete, float32."""
        heard = np.concatenate([state.heard, samples.astype(np.float32, copy=False)])
        k = max(0, (len(heard) - _WINDOW_SAMPLES) // HOP_SAMPLES + 1)
        if k == 0:
            return np.zeros((0, BANDS), np.float32), LogMelState(heard)
        windows = np.lib.stride_tricks.sliding_window_view(heard, _WINDOW_SAMPLES)[::HOP_SAMPLES]
        spectrum = np.fft.rfft(windows[:k] * self._window, _FFT_SAMPLES)  # [k, bins]
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        columns = np.log(power @ self._filters + np.float32(FLOOR))
        return columns, LogMelState(heard[k * HOP_SAMPLES :].copy())


def mel_filters() -> NDArray[np.float32]:
    """``[80, 513]`` triangular filters of height 1, evenly spaced on the mel scale of O'Shaughnessy

    (Speech Communication: Human and Machine, 1987): ``2595 log10(1 + f / 700)``.
    """
    mels = np.linspace(_mel(_LOWEST_HZ), _mel(_HIGHEST_HZ), BANDS + 2)
    corners = 700 * (10 ** (mels / 2595) - 1)  # [bands + 2], Hz
    bins = np.arange(_FFT_SAMPLES // 2 + 1) * SAMPLE_RATE / _FFT_SAMPLES
    rising = (bins - corners[:-2, None]) / (corners[1:-1] - corners[:-2])[:, None]
    falling = (corners[2:, None] - bins) / (corners[2:] - corners[1:-1])[:, None]
    filters: NDArray[np.float32] = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    return filters


def _mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))
