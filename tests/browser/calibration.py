"""A pipeline whose pictures say when a click was heard, around any other pipeline.

The top sixteenth of a picture holds 16 cells, black or white, most significant bit last:

    bits 0-4    number of the click, modulo 32
    bits 5-11   when it was heard against this picture's time, ms + 40
    bits 12-13  pictures since the flash began, 0 to 2
    bit 14      1: there is a flash
    bit 15      even parity

Looking and speaking are the inner pipeline's, so its cost and its look-ahead are measured as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, SAMPLE_RATE
from engine.control import NEUTRAL, Control
from engine.motion import Motion

CELLS = 16
FLASH_FRAMES = 3
_LOUD = 0.18
_APART = SAMPLE_RATE * 3 // 10
_OFFSET_MS = 40


@dataclass(frozen=True)
class MarkedMotion(Motion):
    code: int = 0


@dataclass(frozen=True)
class TimedMotion:
    pts: int
    motion: MarkedMotion


@dataclass(frozen=True)
class State:
    inner: Any
    heard: int = 0
    last_click: int = -_APART
    waiting: tuple[int, ...] = ()
    clicks: int = 0
    flash: tuple[int, int, int] | None = None  # number, offset in ms, pictures so far


class CalibrationPipeline:
    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.look_ahead_samples = inner.look_ahead_samples

    def initial_state(self, seed: int = 0, control: Control = NEUTRAL) -> State:
        return State(self._inner.initial_state(seed, control))

    def listen(
        self, samples: NDArray[np.float32], state: State, control: Control = NEUTRAL
    ) -> tuple[list[TimedMotion], State]:
        motions, inner = self._inner.listen(samples, state.inner, control)
        last, waiting = state.last_click, list(state.waiting)
        for loud in np.flatnonzero(np.abs(samples) > _LOUD) + state.heard:
            if loud - last > _APART:
                waiting.append(int(loud))
            last = int(loud)
        clicks, flash, marked = state.clicks, state.flash, []
        for timed in motions:
            if waiting and waiting[0] < timed.pts + FRAME_SAMPLES:
                offset = (waiting.pop(0) - timed.pts) * 1000 // SAMPLE_RATE
                clicks, flash = clicks + 1, (clicks, offset, 0)
            code = 0
            if flash is not None and flash[2] < FLASH_FRAMES:
                code = _code(*flash)
                flash = (flash[0], flash[1], flash[2] + 1)
            motion = MarkedMotion(timed.motion.face, timed.motion.head, code)
            marked.append(TimedMotion(timed.pts, motion))
        heard = state.heard + len(samples)
        return marked, State(inner, heard, last, tuple(waiting), clicks, flash)

    def draw(self, motion: Motion) -> NDArray[np.uint8]:
        frame = self._inner.draw(Motion(motion.face, motion.head)).copy()
        code = getattr(motion, "code", 0)
        height, width = frame.shape[0] // CELLS, frame.shape[1] / CELLS
        frame[:height] = 16
        for bit in range(CELLS):
            if code >> bit & 1:
                frame[:height, round(bit * width) : round((bit + 1) * width)] = 235
        return frame


def _code(number: int, offset_ms: int, shown: int) -> int:
    code = number & 31 | max(0, min(127, offset_ms + _OFFSET_MS)) << 5 | shown << 12 | 1 << 14
    return code | (code.bit_count() & 1) << 15
