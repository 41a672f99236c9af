"""A microphone, an output card and a processor in virtual time, each with a clock of its own.

Time moves only when something takes time, so an hour takes seconds whatever the machine.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, HOP_SAMPLES
from engine.control import NEUTRAL, Control
from engine.live.timeline import RATE
from engine.motion import ARKIT_INDEX, Motion
from engine.pipeline import TimedMotion
from engine.preview.capture import Capture
from engine.preview.performer import Performer, Picture
from engine.preview.playback import Playback, PlaybackState
from engine.preview.schedule import Schedule

MS = 1_000_000
BLOCK = RATE // 100
LOOK_AHEAD = 5 * HOP_SAMPLES
JAW = ARKIT_INDEX["jawOpen"]


class World:
    """Also an ``engine.clock.Clock``."""

    def __init__(self) -> None:
        self.now = 1_000_000_000_000
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def now_ns(self) -> int:
        return self.now

    def at(self, instant: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._events, (round(instant), next(self._order), do))

    def every(
        self, first: float, period: Callable[[int], float], do: Callable[[int], None]
    ) -> None:
        """``do(k)`` at ``first + period(k)``."""

        def go(k: int) -> None:
            do(k)
            self.at(first + period(k + 1), lambda: go(k + 1))

        self.at(first + period(0), lambda: go(0))

    def advance(self, ns: float) -> None:
        """Let that much time pass, and happen what happens in it."""
        until = self.now + round(ns)
        while self._events and self._events[0][0] <= until:
            instant, _, do = heapq.heappop(self._events)
            self.now = max(self.now, instant)
            do()
        self.now = max(self.now, until)


@dataclass
class Listener:
    """In place of ``Pipeline``: opens the jaw as far as the loudest sample of each frame.

    cost: ms that drawing takes, for each picture.
    """

    world: World
    cost: Callable[[int], float] = lambda pts: 12.0
    look_ahead_samples: int = LOOK_AHEAD

    def initial_state(self, seed: int = 0, control: Control = NEUTRAL) -> Any:
        return (0, np.zeros(0, np.float32))

    def listen(
        self, samples: NDArray[np.float32], state: Any, control: Control = NEUTRAL
    ) -> tuple[list[TimedMotion], Any]:
        first, kept = state
        kept = np.concatenate([kept, samples])
        motions = []
        while len(kept) >= FRAME_SAMPLES and len(kept) >= self.look_ahead_samples:
            face = np.zeros(52, np.float32)
            face[JAW] = min(float(np.abs(kept[:FRAME_SAMPLES]).max()), 1.0)
            motions.append(TimedMotion(first, Motion(face)))
            first, kept = first + FRAME_SAMPLES, kept[FRAME_SAMPLES:]
        return motions, (first, kept)

    def draw(self, motion: Motion) -> NDArray[np.uint8]:
        self.world.advance(self.cost(0) * MS)
        return np.full((2, 2, 3), round(float(motion.face[JAW]) * 255), np.uint8)


@dataclass
class Stage:
    """Capture, performer and playback around a world, as ``Show`` puts them together."""

    world: World
    pipeline: Any
    delay_ms: float = 100.0
    allowance_ms: float = 20.0
    output_ms: float = 0.0
    pictures: list[Picture] = field(default_factory=list)
    heard: list[tuple[int, NDArray[np.float32]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.world.now, round(self.delay_ms * MS))
        self.capture = Capture(
            self.world, self.schedule, self.pipeline.look_ahead_samples, self.allowance_ms,
            self.output_ms,
        )  # fmt: skip
        self.performer = Performer(
            self.pipeline, self.capture, self.world, self.pictures.append, self.allowance_ms
        )
        self._woken = False
        self.capture.on_sound = self._wake
        self.playback_state: PlaybackState | None = None

    def _wake(self) -> None:
        self._woken = True

    def microphone(
        self,
        sound: Callable[[int], NDArray[np.int16]],
        ppm: float = 0.0,
        jitter_ms: Callable[[int], float] = lambda k: 0.0,
    ) -> None:
        """Blocks of 10 ms, ``sound(k)``, by a card whose clock is fast by ``ppm``."""
        period = 10 * MS * (1 - ppm * 1e-6)
        self.world.every(
            self.world.now,
            lambda k: (k + 1) * period + jitter_ms(k) * MS,
            lambda k: self.capture.hear(sound(k)),
        )

    def output(
        self, rate: int = RATE, ppm: float = 0.0, latency_ms: float = 20.0,
        jitter_ms: Callable[[int], float] = lambda k: 0.0,
    ) -> None:  # fmt: skip
        """A card that asks for 10 ms at a time and plays them ``latency_ms`` later; what it was
        given is kept in ``heard``, with the instant at which it is heard."""
        playback = Playback(self.capture.voice, rate)
        block = rate // 100
        period = 10 * MS * (1 - ppm * 1e-6)
        begin = self.world.now

        def ask(k: int) -> None:
            told = self.world.now + round(latency_ms * MS)
            leaving = self.capture.schedule.leaving(told)
            samples, self.playback_state = playback.read(block, leaving, self.playback_state)
            self.heard.append((begin + round(k * period + latency_ms * MS), samples))

        self.world.every(begin, lambda k: k * period + jitter_ms(k) * MS, ask)

    def run(self, seconds: float) -> None:
        """The performer's thread: works, and sleeps until it is time or sound comes."""
        end = self.world.now + round(seconds * 1000 * MS)
        while self.world.now < end:
            self._woken = False
            until = min(self.performer.work(), end)
            while not self._woken and self.world.now < until:
                next_event = self.world._events[0][0] if self.world._events else until
                self.world.advance(max(min(next_event, until) - self.world.now, 0))


def clicks(every: int, length: int = 24) -> Callable[[int], NDArray[np.int16]]:
    """A click of ``length`` samples at each multiple of ``every`` samples at 48 kHz."""

    def block(k: int) -> NDArray[np.int16]:
        at = np.arange(k * BLOCK, (k + 1) * BLOCK)
        return np.where(at % every < length, 30000, 0).astype(np.int16)

    return block
