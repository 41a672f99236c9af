"""When things leave: one start, one delay, both tracks."""

from __future__ import annotations

import asyncio

from aiortc.clock import current_ntp_time

from engine.clock import Clock
from server.rtc.sender_reports import ntp_after

__all__ = ["Schedule"]


class Schedule:
    """A session's media time against the monotonic clock.

    What is captured at media time t (ns since ``start``) leaves at ``start + t + delay``.
    """

    def __init__(self, clock: Clock, delay_ms: float) -> None:
        self._clock = clock
        self._delay_ns = round(delay_ms * 1e6)
        self._start_ns: int | None = None
        self._epoch_ntp = 0
        self._started = asyncio.Event()

    def start(self) -> None:
        """Now is media time zero. A second call changes nothing."""
        if self._start_ns is None:
            self._start_ns = self._clock.now_ns()
            self._epoch_ntp = current_ntp_time()
            self._started.set()

    @property
    def started(self) -> bool:
        return self._start_ns is not None

    def now_ns(self) -> int:
        """Media time of what is captured at this instant; 0 before the start."""
        return 0 if self._start_ns is None else self._clock.now_ns() - self._start_ns

    def due_ns(self, media_ns: int) -> int:
        """The clock's instant at which media time ``media_ns`` leaves."""
        assert self._start_ns is not None, "nothing is due before the start"
        return self._start_ns + media_ns + self._delay_ns

    def ntp(self, media_ns: int) -> int:
        """64 bit NTP time at which media time ``media_ns`` was captured."""
        return ntp_after(self._epoch_ntp, media_ns / 1e9)

    async def release(self, media_ns: int) -> int:
        """Return when media time ``media_ns`` is due to leave, with the lateness in ns, >= 0."""
        await self._started.wait()
        due = self.due_ns(media_ns)
        wait = due - self._clock.now_ns()
        if wait > 0:
            await asyncio.sleep(wait / 1e9)
        return max(0, self._clock.now_ns() - due)

    async def captured(self, media_ns: int) -> None:
        """Return when media time ``media_ns`` is now."""
        await self._started.wait()
        wait = media_ns - self.now_ns()
        if wait > 0:
            await asyncio.sleep(wait / 1e9)
