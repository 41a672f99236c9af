"""The voice, given to the output card as late as the picture is.

The card asks for samples at its own pace, which is not the clock's: after an hour at 100 ppm the
voice would be 360 ms off. So it is read at a position with a fraction, between samples by a
windowed sinc, and the step from one sample to the next is bent by as little as brings the voice
back within seconds: at most 0.3 %, 5 cents, which nobody hears. After a stall the position
jumps, under a short cross-fade.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.live.timeline import RATE

__all__ = ["MOST_TRIM", "Playback", "PlaybackState"]

MOST_TRIM = 0.003
_JUMP = RATE * 50 // 1000  # what is further off is not waited for
_SMOOTHED_S = 1.0  # cards ask in bursts: their mean is what counts
_SETTLED = RATE * 4 // 1000  # what is further off when the mean is known is put right at once
_CORRECTED_S = 4.0
_FADE = RATE * 5 // 1000
_HALF = 16  # zero crossings on either side
_PHASES = 512


@dataclass(frozen=True)
class PlaybackState:
    """position: on the timeline, of the next sample. error: how far behind it is, smoothed, in
    samples at 48 kHz. age: seconds since the position was set. jumps: how often it was set anew."""

    position: float
    error: float = 0.0
    age: float = 0.0
    jumps: int = 0


class Playback:
    """Reads a voice at 48 kHz for a card of any rate. Immutable.

    voice: ``(start, count) -> [count]`` int16, as ``Capture.voice``.
    """

    def __init__(self, voice: Callable[[int, int], NDArray[np.int16]], rate: int) -> None:
        self._voice = voice
        self._rate = rate
        self._step = RATE / rate
        self._kernels, self._half = _kernels(min(1.0, rate / RATE))

    def read(
        self, count: int, leaving: float, state: PlaybackState | None
    ) -> tuple[NDArray[np.float32], PlaybackState]:
        """The next ``[count]`` float32 in [-1, 1] for the card.

        leaving: timeline position of the sound that is to be heard when the first of them is.
        state: None before the first block.
        """
        if state is None:
            state = PlaybackState(leaving)
        off = leaving - state.position
        if abs(off) > _JUMP:
            return self._jumped(count, off, state)
        seconds = count / self._rate
        # At first the mean: cards fill their buffers before they tell when they will play them.
        share = seconds / min(state.age + seconds, _SMOOTHED_S)
        error = state.error + min(share, 1.0) * (off - state.error)
        age = state.age + seconds
        if state.age < _SMOOTHED_S <= age and abs(error) > _SETTLED:
            return self._jumped(count, error, replace(state, age=age))
        trim = float(np.clip(error / (_CORRECTED_S * RATE), -MOST_TRIM, MOST_TRIM))
        step = self._step * (1 + trim)
        samples = self._between(state.position, step, count)
        after = state.position + count * step
        return samples, replace(state, position=after, error=error, age=age)

    def _jumped(
        self, count: int, by: float, state: PlaybackState
    ) -> tuple[NDArray[np.float32], PlaybackState]:
        fade = np.clip(np.arange(count, dtype=np.float32) / (_FADE / self._step), 0, 1)
        old = self._between(state.position, self._step, count)
        new = self._between(state.position + by, self._step, count)
        after = state.position + by + count * self._step
        again = state.age if abs(by) <= _JUMP else 0.0
        return old + fade * (new - old), PlaybackState(after, 0.0, again, state.jumps + 1)

    def _between(self, position: float, step: float, count: int) -> NDArray[np.float32]:
        """``[count]`` float32 at ``position + k * step``."""
        at = position + step * np.arange(count)
        whole = np.floor(at).astype(np.int64)
        phase = np.rint((at - whole) * _PHASES).astype(np.int64)
        first = int(whole[0]) - self._half + 1
        known = self._voice(first, int(whole[-1]) - int(whole[0]) + 2 * self._half)
        windows = np.lib.stride_tricks.sliding_window_view(known, 2 * self._half)
        taken = windows[whole - whole[0]].astype(np.float32)
        sound: NDArray[np.float32] = np.einsum("nk,nk->n", taken, self._kernels[phase]) / 32768
        return np.clip(sound, -1, 1)


def _kernels(band: float) -> tuple[NDArray[np.float32], int]:
    """``[_PHASES + 1, 2 * half]``, one row to a fraction of a sample, and half.

    band: what passes, as a share of the voice's own band; under 1 for a card of a lower rate.
    """
    half = int(np.ceil(_HALF / band))
    offset = np.arange(_PHASES + 1)[:, None] / _PHASES + (half - 1) - np.arange(2 * half)
    window = np.cos(np.pi / 2 * np.clip(offset / half, -1, 1)) ** 2
    rows = np.sinc(offset * band) * window
    return (rows / rows.sum(1, keepdims=True)).astype(np.float32), half
