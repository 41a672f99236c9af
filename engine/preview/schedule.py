"""When things leave: one start, one delay, for picture and voice.

What was captured at media time t (since the start) leaves at ``start + t + delay``: the picture to
the window and the camera, the voice from the loudspeaker. So they fit each other, whatever the
two sound cards count.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.audio import SAMPLE_RATE
from engine.live.timeline import RATE

__all__ = ["Schedule"]

_SECOND = 1_000_000_000


@dataclass(frozen=True)
class Schedule:
    """Media time against a monotonic clock. Both in ns; start_ns is an instant of that clock."""

    start_ns: int
    delay_ns: int

    def due_ns(self, pts: int) -> int:
        """The instant at which the picture of ``pts`` (samples at 16 kHz) leaves."""
        return self.start_ns + pts * _SECOND // SAMPLE_RATE + self.delay_ns

    def captured(self, instant_ns: int) -> int:
        """Timeline position (samples at 48 kHz) of what is captured at an instant."""
        return (instant_ns - self.start_ns) * RATE // _SECOND

    def instant_ns(self, position: int) -> int:
        """The first instant at which timeline position ``position`` has been ``captured``."""
        return self.start_ns - -position * _SECOND // RATE

    def leaving(self, instant_ns: int) -> float:
        """Timeline position of the sound that leaves at an instant; has a fraction."""
        return (instant_ns - self.start_ns - self.delay_ns) * RATE / _SECOND
