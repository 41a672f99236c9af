"""Hear, draw, let go: the way of the preview's pictures, one at a time, each at its moment.

A picture that would be overtaken is never drawn; one that is ready waits for its moment and is then
let go. Nothing queues behind it, so that latency can not grow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, SAMPLE_RATE, Resampler
from engine.clock import Clock
from engine.control import NEUTRAL, Control
from engine.live import allowance
from engine.live.timeline import RATE
from engine.pipeline import Pipeline, TimedMotion
from engine.preview.capture import Capture

__all__ = ["Performer", "Picture", "PictureCounts"]

_UP = RATE // SAMPLE_RATE
_FRAME = FRAME_SAMPLES * _UP
_SECOND = 1_000_000_000


@dataclass(frozen=True)
class Picture:
    """pts: stream time, samples at 16 kHz. image: ``[H, W, 3]`` uint8 RGB. instant_ns: when it was
    let go. late_ns: how long after its moment that was."""

    pts: int
    image: NDArray[np.uint8]
    instant_ns: int
    late_ns: int


@dataclass
class PictureCounts:
    """shown: let go. skipped: never drawn, too late for it. late: let go over 5 ms after their
    moment. restarts: how often hearing began anew, seconds behind."""

    shown: int = 0
    skipped: int = 0
    late: int = 0
    restarts: int = 0


class Performer:
    """Draws for one preview. ``work`` belongs to one thread; the rest may be called from any.

    on_picture: called with each picture at its moment, in the thread that works.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        capture: Capture,
        clock: Clock,
        on_picture: Callable[[Picture], None],
        allowance_ms: float,
        seed: int = 0,
        control: Control = NEUTRAL,
    ) -> None:
        # Others may be put here; they are used from the next picture on.
        self.pipeline = pipeline
        self.control = control
        self.counts = PictureCounts()
        self.draw_ms = 0.0
        self._capture = capture
        self._clock = clock
        self._on_picture = on_picture
        self._allowance = allowance.begin(allowance_ms)
        self._seed = seed
        self._begin(0)
        # Bounded by what `Capture` keeps, two seconds; those that are late are dropped first.
        self._motions: deque[TimedMotion] = deque()
        self._ready: tuple[int, NDArray[np.uint8]] | None = None
        self._one_takes_ns = 0
        self._shown: deque[int] = deque(maxlen=51)

    def work(self) -> int:
        """Do what is due now. The instant at which there is more to do, unless sound comes."""
        self._capture.conceal()
        self._listen()
        if self._ready is None:
            self._draw()
        if self._ready is not None:
            pts, image = self._ready
            now, due = self._clock.now_ns(), self._capture.schedule.due_ns(pts)
            if now < due:
                return min(due, self._capture.needed_ns())
            self._ready = None
            self._let_go(Picture(pts, image, now, now - due))
        return self._clock.now_ns() if self._motions else self._capture.needed_ns()

    @property
    def fps(self) -> float:
        """Pictures a second, over the last two seconds of them."""
        shown = list(self._shown)
        if len(shown) < 2 or self._clock.now_ns() - shown[-1] > _SECOND:
            return 0.0
        return (len(shown) - 1) * _SECOND / max(shown[-1] - shown[0], 1)

    def _begin(self, position: int) -> None:
        """Hear a new stream that begins at a timeline position, which is a picture's."""
        self._state = self.pipeline.initial_state(self._seed, self.control)
        self._resampler = Resampler(RATE)
        self._base, self._heard = position, position

    def _listen(self) -> None:
        start, samples = self._capture.take()
        if start > self._heard:  # some was given up
            whole = -(-start // _FRAME) * _FRAME
            if start + len(samples) <= whole:
                return
            samples = samples[whole - start :]
            self.counts.restarts += 1
            self._begin(whole)
        if not len(samples):
            return
        self._heard += len(samples)
        heard = self._resampler.push(samples)
        motions, self._state = self.pipeline.listen(heard, self._state, self.control)
        self._motions.extend(TimedMotion(self._base // _UP + m.pts, m.motion) for m in motions)

    def _draw(self) -> None:
        due, now = self._capture.schedule.due_ns, self._clock.now_ns()
        while len(self._motions) > 1 and now + self._one_takes_ns > due(self._motions[1].pts):
            self._judge(self._motions.popleft().pts)
            self.counts.skipped += 1
        if not self._motions:
            return
        timed = self._motions.popleft()
        image = self.pipeline.draw(timed.motion)
        self._one_takes_ns = self._clock.now_ns() - now
        self.draw_ms += 0.1 * (self._one_takes_ns / 1e6 - self.draw_ms)
        self._ready = timed.pts, image
        self._judge(timed.pts)

    def _judge(self, pts: int) -> None:
        """Learn from a picture how long before its moment sound has to be complete."""
        complete = self._capture.complete_ns(pts)
        if complete is not None:
            before = self._allowance.ms
            took_ms = (self._clock.now_ns() - complete) / 1e6
            self._allowance = allowance.step(took_ms, self._allowance)
            if self._allowance.ms != before:
                self._capture.allow(self._allowance.ms)

    def _let_go(self, picture: Picture) -> None:
        self._shown.append(picture.instant_ns)
        self.counts.shown += 1
        self.counts.late += picture.late_ns > 5_000_000
        self._on_picture(picture)
