"""The microphone's sound on the timeline of the preview.

::

    microphone -> timeline -+-> voice memory --> Playback
                            +-> what the performer has not heard yet

The timeline (``engine.live.timeline``) runs at the pace of the monotonic clock, so a microphone
whose own clock drifts, that slips, or that is not there at all is dealt with here; everything
behind sees one unbroken stream.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, RESAMPLER_HOLDS, SAMPLE_RATE
from engine.clock import Clock
from engine.live import timeline
from engine.live.timeline import RATE, Counts, Need
from engine.live.voice import VoiceMemory
from engine.preview import level
from engine.preview.schedule import Schedule

__all__ = ["MOST_PENDING", "Capture"]

MOST_PENDING = RATE * 2
_UP = RATE // SAMPLE_RATE
_PERIOD = FRAME_SAMPLES * _UP
_VOICE_RESERVE_MS = 2.0  # what is heard next is there so long before
_ANOTHER_STREAM = timeline.MOST_GAP * 2  # a jump of the stamps that no timeline takes for a loss


class Capture:
    """Takes blocks from a sound card's thread, gives sound to the performer and to the playback.

    schedule:     when things leave.
    look_ahead:   of the pipeline, samples at 16 kHz.
    allowance_ms: from complete sound to finished picture.
    output_ms:    from handing sound to the output card to its being heard; 0 without one.
    """

    def __init__(
        self,
        clock: Clock,
        schedule: Schedule,
        look_ahead: int,
        allowance_ms: float,
        output_ms: float = 0.0,
    ) -> None:
        self._clock = clock
        self._lock = Lock()
        self._first = look_ahead * _UP + RESAMPLER_HOLDS
        self._allowance_ms, self._output_ms = allowance_ms, output_ms
        self.schedule = schedule
        self.muted = False
        self.on_sound: Callable[[], None] = lambda: None
        self._need = Need(self._first, _PERIOD, self._margin())
        self._timeline = timeline.begin(self._need)
        self._voice = VoiceMemory()
        self._stamp = 0
        self._level_db = level.FLOOR_DB
        self._heard_ns = clock.now_ns()
        self._wait = 0.0  # how far ahead of the clock sound lies on the timeline, in samples
        # Bounded by MOST_PENDING: what the performer leaves for two seconds is given up.
        self._pending: deque[NDArray[np.int16]] = deque()
        self._pending_samples = 0
        self._given_up = 0
        # (end of the timeline, instant), to know since when a picture's sound is complete.
        self._grown: deque[tuple[int, int]] = deque(maxlen=512)

    def hear(self, samples: NDArray[np.int16]) -> None:
        """The next block of the microphone, ``[n]`` int16 at 48 kHz, that has just come."""
        if not len(samples):
            return
        with self._lock:
            self._level_db = level.step(samples, self._level_db)
            self._heard_ns = self._clock.now_ns()
            heard = np.zeros_like(samples) if self.muted else samples
            now = self.schedule.captured(self._heard_ns)
            placed, self._timeline = timeline.place(
                heard, self._stamp, now, self._need, self._timeline
            )
            self._stamp += len(samples)
            self._wait += 0.05 * (self._timeline.end - now - self._wait)
            self._append(placed)
        self.on_sound()

    def another_microphone(self) -> None:
        """What is heard next has nothing to do with what came before."""
        with self._lock:
            self._stamp += _ANOTHER_STREAM
            self._level_db = level.FLOOR_DB

    def conceal(self) -> None:
        """Put silence where sound is needed by now and has not come."""
        with self._lock:
            now = self.schedule.captured(self._clock.now_ns())
            until = self._need.first + self._period_at(now) * _PERIOD
            # By the second: a machine that was asleep has hours to make up for.
            for end in (*range(self._timeline.end + RATE, until, RATE), until):
                silence, self._timeline = timeline.conceal(end, self._need, self._timeline)
                self._append(silence)

    def needed_ns(self) -> int:
        """The instant at which ``conceal`` has something to do, if no sound comes before."""
        with self._lock:
            after = (self._timeline.end - self._need.first) // _PERIOD + 1
            point = self._need.first + after * _PERIOD
            return self.schedule.instant_ns(point + self._timeline.margin)

    def take(self) -> tuple[int, NDArray[np.int16]]:
        """(timeline position, ``[n]`` int16) of all that was not taken yet."""
        with self._lock:
            taken = np.concatenate([*self._pending, np.zeros(0, np.int16)])
            self._pending.clear()
            self._pending_samples = 0
            return self._timeline.end - len(taken), taken

    def voice(self, start: int, count: int) -> NDArray[np.int16]:
        """``[count]`` int16 from timeline position ``start``; zeros where nothing is known."""
        with self._lock:
            return self._voice.read(start, count)

    def complete_ns(self, pts: int) -> int | None:
        """Since when the sound for the picture of ``pts`` (at 16 kHz) is there; None if unknown."""
        wanted = pts * _UP + self._first
        with self._lock:
            return next((instant for end, instant in self._grown if end >= wanted), None)

    def allow(self, allowance_ms: float) -> None:
        """Drawing takes this long from now on."""
        with self._lock:
            self._allowance_ms = allowance_ms
            self._need = replace(self._need, margin=self._margin())

    def reschedule(self, schedule: Schedule, output_ms: float) -> None:
        """Another delay, or another output card."""
        with self._lock:
            self.schedule, self._output_ms = schedule, output_ms
            self._need = replace(self._need, margin=self._margin())

    @property
    def level_db(self) -> float:
        """Of the microphone, muted or not, dBFS; it falls as well where nothing comes any more."""
        silent_s = (self._clock.now_ns() - self._heard_ns) / 1e9
        return level.fallen(self._level_db, silent_s)

    @property
    def delay_ms(self) -> float:
        """From the arrival of a sound to its release, as it is now."""
        return self.schedule.delay_ns / 1e6 + self._wait * 1000 / RATE

    @property
    def counts(self) -> Counts:
        """What was done to the sound."""
        return self._timeline.counts

    @property
    def given_up(self) -> int:
        """Samples at 48 kHz that the performer never took."""
        return self._given_up

    def _margin(self) -> int:
        """How long after its time sound is needed, in samples: by the picture whose look-ahead it
        ends, and by the output card."""
        delay = self.schedule.delay_ns / 1e6
        picture = delay - self._allowance_ms - self._first * 1000 / RATE
        voice = delay - self._output_ms - _VOICE_RESERVE_MS
        return max(0, round(min(picture, voice) * RATE / 1000))

    def _period_at(self, now: int) -> int:
        return (now - self._timeline.margin - self._need.first) // _PERIOD

    def _append(self, samples: NDArray[np.int16]) -> None:
        if not len(samples):
            return
        self._voice.append(samples)
        self._pending.append(samples)
        self._pending_samples += len(samples)
        self._grown.append((self._timeline.end, self._clock.now_ns()))
        if self._pending_samples > MOST_PENDING:
            self._given_up += self._pending_samples
            self._pending.clear()
            self._pending_samples = 0
