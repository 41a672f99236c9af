"""The microphone and the loudspeaker that somebody wishes for, open as long as they are there.

A wish stays when its device goes: a microphone that is pulled out is looked for until it is back,
and meanwhile the face goes on living. A card that is there but says nothing for seconds counts
as gone.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from engine.clock import Clock
from engine.errors import AvatarEngineError
from engine.live.budget import Budget
from engine.preview.capture import Capture
from engine.preview.devices import Device, SoundCards, SoundStream
from engine.preview.playback import Playback, PlaybackState
from engine.preview.schedule import Schedule

__all__ = ["Sound", "delay_ms"]

_SILENT_NS = 4_000_000_000  # sound servers pause for seconds without having gone
_AGAIN_NS = 2_000_000_000
_VOICE_RESERVE_MS = 3.0


def delay_ms(budget: Budget, output_ms: float) -> float:
    """What picture and voice are delayed by: as long as drawing takes, or as long as the output
    card does, whichever is more."""
    return max(budget.delay_ms, budget.packet_ms + budget.jitter_ms + output_ms + _VOICE_RESERVE_MS)


class Sound:
    """One microphone and one loudspeaker. ``tend`` belongs to one thread, wishes may come from any.

    cards: None for a machine without any. trouble: what is wrong from the beginning.
    """

    def __init__(
        self,
        cards: SoundCards | None,
        capture: Capture,
        clock: Clock,
        budget: Budget,
        trouble: str = "",
    ) -> None:
        self._cards = cards
        self._capture = capture
        self._clock = clock
        self._budget = budget
        self._lock = Lock()
        self._wishes: dict[str, Device | None] = {"microphone": None, "output": None}
        self._refresh = False
        self._open: dict[str, tuple[Device, SoundStream]] = {}
        self._heard_ns: dict[str, int] = {}
        self._tried_ns: dict[str, int] = {}
        self._troubles = {"microphone": trouble} if trouble else {}
        self.jumps = 0

    def wish(self, kind: str, device: Device | None) -> None:
        """kind: "microphone" or "output". None for none."""
        with self._lock:
            self._wishes[kind] = device
            self._tried_ns.pop(kind, None)

    def look_again(self) -> None:
        """Ask the system for its cards anew; both streams stop for a moment."""
        self._refresh = True

    def wished(self, kind: str) -> Device | None:
        return self._wishes[kind]

    @property
    def trouble(self) -> str:
        """What is wrong and what to do, in one sentence; nothing when all is well."""
        return next(iter(self._troubles.copy().values()), "")

    def tend(self) -> None:
        """Make what is open what is wished for, as far as it goes now."""
        if self._cards is None:
            return
        if self._refresh:
            self._refresh = False
            self._search()
            self._tried_ns.clear()
        for kind in ("microphone", "output"):
            with self._lock:
                wished = self._wishes[kind]
            device, stream = self._open.get(kind, (None, None))
            if stream is not None and device == wished and self._gone(kind, stream):
                self._close(kind)
                self._troubles[kind] = (
                    f"the {kind} {device.name if device else ''} has gone: plug it in again, or "
                    "choose another"
                )
                self._tried_ns[kind] = self._clock.now_ns()
            elif device != wished:
                self._close(kind)
                self._tend_one(kind, wished)

    def close(self) -> None:
        """Close both."""
        for kind in list(self._open):
            self._close(kind)

    def _tend_one(self, kind: str, wished: Device | None) -> None:
        if wished is None:
            self._troubles.pop(kind, None)
            return
        now = self._clock.now_ns()
        if now - self._tried_ns.get(kind, now - _AGAIN_NS) < _AGAIN_NS:
            return
        self._tried_ns[kind] = now
        # Without a microphone there is no voice either that a new search could interrupt.
        if kind == "microphone" and kind in self._troubles:
            self._search()
            wished = self._wishes[kind]
        if wished is None:
            return
        try:
            self._open[kind] = (wished, self._opened(kind, wished))
        except AvatarEngineError as error:
            self._troubles[kind] = str(error)
        else:
            self._troubles.pop(kind, None)

    def _opened(self, kind: str, device: Device) -> SoundStream:
        assert self._cards is not None
        self._heard_ns[kind] = self._clock.now_ns()
        if kind == "microphone":
            self._capture.another_microphone()
            return self._cards.record(device, self._hear)
        stream = self._cards.play(device, self._filler())
        self._reschedule(stream.latency_ms)
        return stream

    def _hear(self, samples: NDArray[np.int16]) -> None:
        self._heard_ns["microphone"] = self._clock.now_ns()
        self._capture.hear(samples)

    def _filler(self) -> Callable[[int, int, int], NDArray[np.float32]]:
        """What an output card asks: the voice that leaves just then."""
        playback: Playback | None = None
        state: PlaybackState | None = None

        def fill(count: int, heard_ns: int, rate: int) -> NDArray[np.float32]:
            nonlocal playback, state
            self._heard_ns["output"] = self._clock.now_ns()
            playback = playback or Playback(self._capture.voice, rate)
            leaving = self._capture.schedule.leaving(heard_ns)
            samples, state = playback.read(count, leaving, state)
            self.jumps = state.jumps
            return samples

        return fill

    def _reschedule(self, output_ms: float) -> None:
        delay_ns = round(delay_ms(self._budget, output_ms) * 1e6)
        schedule = Schedule(self._capture.schedule.start_ns, delay_ns)
        self._capture.reschedule(schedule, output_ms)

    def _gone(self, kind: str, stream: SoundStream) -> bool:
        silent_ns = self._clock.now_ns() - self._heard_ns[kind]
        return not stream.active or silent_ns > _SILENT_NS

    def _search(self) -> None:
        """Let the system say anew what there is; what was wished for may have another number."""
        assert self._cards is not None
        self.close()
        self._cards.refresh()
        with self._lock:
            for kind, there in (
                ("microphone", self._cards.inputs()), ("output", self._cards.outputs()),
            ):  # fmt: skip
                wished = self._wishes[kind]
                if wished is not None:
                    self._wishes[kind] = next((d for d in there if d.name == wished.name), wished)

    def _close(self, kind: str) -> None:
        device_and_stream = self._open.pop(kind, None)
        if device_and_stream is not None:
            device_and_stream[1].close()
            if kind == "output":
                self._reschedule(0.0)
