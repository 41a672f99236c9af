"""Time is a value: whoever needs to know it is handed a clock."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "MonotonicClock"]


class Clock(Protocol):
    """Where time comes from. Tests hand in one that they move themselves."""

    def now_ns(self) -> int:
        """Nanoseconds since some fixed instant; never runs backwards."""
        ...


class MonotonicClock:
    """The machine's own clock, unmoved by changes of the time of day.

    It is the clock of asyncio's event loop as well, so an instant can be slept until.
    """

    def now_ns(self) -> int:
        return time.monotonic_ns()
