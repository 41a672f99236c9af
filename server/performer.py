"""Hear and draw, off the event loop: one session's way through the shared models.

At most one job of a session is in the worker threads at a time. It is given when the sound for a
picture is complete, and takes all that has come since the last one. What is too late to be shown is
never drawn, so that under load pictures are dropped before sound is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, RESAMPLER_HOLDS, SAMPLE_RATE, Resampler
from engine.clock import Clock
from engine.control import NEUTRAL, Control
from engine.live.timeline import RATE
from engine.motion import Motion
from server.frames import FrameShelf
from server.metrics import Recent, SessionCounts, Timings

__all__ = ["Performance", "Performer", "Timed", "picture"]

logger = logging.getLogger(__name__)

MOST_PENDING = RATE * 2
_UP = RATE // SAMPLE_RATE
_FRAME = FRAME_SAMPLES * _UP


class Timed(Protocol):
    """``engine.pipeline.TimedMotion``: what the face does at sample ``pts`` of 16 kHz."""

    @property
    def pts(self) -> int: ...
    @property
    def motion(self) -> Motion: ...


class Performance(Protocol):
    """``engine.pipeline.Pipeline``, as far as a session uses it. Immutable, shared by sessions."""

    @property
    def look_ahead_samples(self) -> int: ...
    def initial_state(self, seed: int = 0, control: Control = NEUTRAL) -> Any: ...
    def listen(
        self, samples: NDArray[np.float32], state: Any, control: Control = NEUTRAL
    ) -> tuple[list[Any], Any]: ...
    def draw(self, motion: Motion) -> NDArray[np.uint8]: ...


def picture(rgb: NDArray[np.uint8]) -> av.VideoFrame:
    """``[H, W, 3]`` uint8 RGB as the encoder wants it: yuv420p, even sides, without time."""
    height, width = rgb.shape[0] & ~1, rgb.shape[1] & ~1
    yuv = cv2.cvtColor(rgb[:height, :width], cv2.COLOR_RGB2YUV_I420)
    return av.VideoFrame.from_ndarray(yuv.astype(np.uint8, copy=False), format="yuv420p")


@dataclass(frozen=True)
class _Outcome:
    state: Any
    listen_ns: int
    motions: list[tuple[int, Motion]]
    draw_ns: list[int]
    drawn: list[tuple[int, av.VideoFrame]]
    skipped: list[int]


class Performer:
    """Feeds the pipeline of one session in order and puts its pictures on the shelf.

    draw_ms:    where drawing times of this avatar are noted.
    on_picture: called for each picture with the ms from complete sound to the shelf, or to the
                decision not to draw it.
    due_ns:     the instant at which the picture of a sample of 16 kHz has to leave.
    control:    what is asked of the face now; looked at before each job.
    on_motion:  called for each motion with its sample of 16 kHz, drawn or not.
    on_failure: called once when the pipeline raised; nothing is heard afterwards.
    """

    def __init__(
        self,
        pipeline: Performance,
        shelf: FrameShelf,
        executor: Executor,
        clock: Clock,
        due_ns: Callable[[int], int],
        counts: SessionCounts,
        timings: Timings,
        draw_ms: Recent,
        seed: int,
        control: Callable[[], Control],
        on_motion: Callable[[int, Motion], None],
        on_picture: Callable[[float], None],
        on_failure: Callable[[], None],
    ) -> None:
        self._pipeline = pipeline  # hears, and draws
        self._drawing = pipeline
        self._shelf = shelf
        self._executor = executor
        self._clock = clock
        self._due_ns = due_ns
        self._counts = counts
        self._timings = timings
        self._draw_ms = draw_ms
        self._seed = seed
        self._control = control
        self._on_motion = on_motion
        self._on_picture = on_picture
        self._on_failure = on_failure
        self._state = pipeline.initial_state(seed, control())
        self._resampler = Resampler(RATE)
        self._pending: deque[NDArray[np.int16]] = deque()
        self._pending_samples = 0
        # All counts of samples here are at 48 kHz.
        self._received = 0  # so far, given up ones included
        self._base = 0  # where the pipeline's own count began
        self._skip = 0  # of those to come, how many are left out to begin on a picture
        self._begin_at: int | None = None
        self._look_ahead = pipeline.look_ahead_samples * _UP + RESAMPLER_HOLDS
        self._wanted = self._look_ahead  # received so many, a picture can be made
        self._completes = self._look_ahead  # the same, of the next picture whose sound is not here
        self._complete_ns: dict[int, int] = {}  # when a picture's sound was; by its 16 kHz sample
        self._one_takes_ns = 0  # to draw a picture, of late
        self._job: asyncio.Task[None] | None = None

    def hear(self, samples: NDArray[np.int16]) -> None:
        """The next ``[n]`` samples of the timeline, 48 kHz.

        Bounded: when the workers are two seconds behind, what waits is given up and the
        pipeline begins anew, so that the face is late for a moment and not for ever.
        """
        self._received += len(samples)
        left_out = min(self._skip, len(samples))
        self._skip -= left_out
        samples = samples[left_out:]
        if not len(samples):
            return
        self._pending.append(samples)
        self._pending_samples += len(samples)
        while self._received >= self._completes:
            self._complete_ns[(self._completes - self._look_ahead) // _UP] = self._clock.now_ns()
            self._completes += _FRAME
        if self._pending_samples > MOST_PENDING:
            self._give_up()
        elif self._job is None and self._received >= self._wanted:
            self._job = asyncio.create_task(self._perform())

    def become(self, pipeline: Performance, draw_ms: Recent) -> None:
        """Draw another face from the next job on. The first pipeline goes on hearing: motion is
        nobody's in particular."""
        self._drawing, self._draw_ms = pipeline, draw_ms
        self._one_takes_ns = 0

    async def stop(self) -> None:
        """No further job; waits for the one in the workers, at most its own time."""
        self._forget_pending()
        if self._job is not None:
            await asyncio.wait([self._job])
        # libswresample keeps threads of its own; they are not to wait for a collection of garbage.
        del self._resampler

    def _give_up(self) -> None:
        self._counts.sound_given_up += self._pending_samples
        self._forget_pending()
        self._skip = -self._received % _FRAME
        self._begin_at = self._received + self._skip
        self._wanted = self._completes = self._begin_at + self._look_ahead
        self._complete_ns.clear()

    def _forget_pending(self) -> None:
        self._pending.clear()
        self._pending_samples = 0

    async def _perform(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._received >= self._wanted and self._pending:
                if self._begin_at is not None:
                    self._state = self._pipeline.initial_state(self._seed, self._control())
                    self._resampler = Resampler(RATE)
                    self._base, self._begin_at = self._begin_at, None
                samples = np.concatenate(self._pending)
                self._forget_pending()
                self._wanted += ((self._received - self._wanted) // _FRAME + 1) * _FRAME
                self._take(
                    await loop.run_in_executor(self._executor, self._work, samples, self._control())
                )
        except Exception:  # the session's own task: nobody else would see what went wrong
            logger.exception("hearing or drawing failed, the session ends")
            self._on_failure()
        finally:
            self._job = None

    def _work(self, samples: NDArray[np.int16], control: Control) -> _Outcome:
        """In a worker thread: everything that computes. Touches nothing that the loop changes, but
        for the face to draw, which it reads once."""
        drawing = self._drawing
        began = self._clock.now_ns()
        sound = self._resampler.push(samples)
        motions, state = self._pipeline.listen(sound, self._state, control)
        listened = self._clock.now_ns()
        drawn: list[tuple[int, av.VideoFrame]] = []
        draw_ns: list[int] = []
        skipped: list[int] = []
        before = listened
        timed = [(self._base // _UP + m.pts, m.motion) for m in motions]
        for n, (pts, motion) in enumerate(timed, 1):
            # All of a job reach the shelf together: one that a newer one will have overtaken by
            # then would be drawn for nobody.
            behind_it = (len(motions) - n) * self._one_takes_ns
            overtaken = behind_it and before + self._one_takes_ns + behind_it > self._due_ns(
                pts + FRAME_SAMPLES
            )
            if overtaken or before > self._due_ns(pts):
                skipped.append(pts)
                continue
            drawn.append((pts, picture(drawing.draw(motion))))
            after = self._clock.now_ns()
            draw_ns.append(after - before)
            before = after
        return _Outcome(state, listened - began, timed, draw_ns, drawn, skipped)

    def _take(self, outcome: _Outcome) -> None:
        self._state = outcome.state
        self._counts.skipped += len(outcome.skipped)
        self._timings.listen.add(outcome.listen_ns / 1e6)
        if outcome.draw_ns:
            self._one_takes_ns = sum(outcome.draw_ns) // len(outcome.draw_ns)
        for ns in outcome.draw_ns:
            self._timings.draw.add(ns / 1e6)
            self._draw_ms.add(ns / 1e6)
            self._counts.drawn += 1
        for pts, frame in outcome.drawn:
            self._shelf.put(pts, frame)
        for pts, motion in outcome.motions:
            self._on_motion(pts, motion)
        now = self._clock.now_ns()
        for pts in (*outcome.skipped, *(pts for pts, _ in outcome.drawn)):
            if pts in self._complete_ns:
                self._on_picture((now - self._complete_ns.pop(pts)) / 1e6)
