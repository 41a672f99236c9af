"""Where the milliseconds between the microphone and the face go.

``delay`` is what a session begins with: what was captured at time t leaves as sound and as picture
at t + delay. It has to cover the longest of the parts that the picture waits for, or frames are
missed; every millisecond more is latency for nothing. While the session runs, the allowance for
drawing follows the machine (``engine.live.allowance``), and the jitter what comes
(``engine.live.timeline``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

__all__ = ["Budget"]

_PACKET_MS = 10.0  # one Opus packet: its first sample waits for its last
_JITTER_MS = 12.0  # what arrives later than this is concealed first and moves the anchor
_DISPATCH_MS = 6.0  # event loop and thread hand-over, twice
_LEAST_DRAW_MS, _MOST_DRAW_MS = 4.0, 120.0


@dataclass(frozen=True)
class Budget:
    """look_ahead_ms: the sound after t that the face at t waits for, spectrogram window included.
    packet_ms, jitter_ms: the sound's way here.
    allowance_ms: from complete sound to finished picture, the ways to the worker and back included.
    """

    look_ahead_ms: float
    allowance_ms: float
    packet_ms: float = _PACKET_MS
    jitter_ms: float = _JITTER_MS

    @staticmethod
    def of(look_ahead_samples: int, draw_p95_ms: float) -> Budget:
        """For a look-ahead in samples at 16 kHz and a measured drawing time, 95th percentile."""
        draw = min(max(draw_p95_ms, _LEAST_DRAW_MS), _MOST_DRAW_MS)
        return Budget(look_ahead_ms=look_ahead_samples / 16.0, allowance_ms=draw + _DISPATCH_MS)

    @property
    def delay_ms(self) -> float:
        """Capture to release, of sound and picture alike."""
        return self.needed_ms + self.allowance_ms

    @property
    def needed_ms(self) -> float:
        """How long after t the sound that the face at t waits for must be there: then silence is
        put in place of what is missing, so that there is time left to draw."""
        return self.look_ahead_ms + self.packet_ms + self.jitter_ms

    def parts(self) -> dict[str, float]:
        """Each part and the sum, in milliseconds, for the page and the metrics."""
        return {
            name: round(ms, 1) for name, ms in (asdict(self) | {"delay_ms": self.delay_ms}).items()
        }
