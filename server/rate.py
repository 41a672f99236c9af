"""How often one address may ask: token buckets, one for each address that asked of late."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from engine.clock import Clock

__all__ = ["MOST_ADDRESSES", "Allowed", "RateLimit"]

MOST_ADDRESSES = 4096


@dataclass(frozen=True)
class Allowed:
    """``burst`` at once, and then one every ``every_s`` seconds."""

    burst: int
    every_s: float


class RateLimit:
    """One limit for many addresses. Bounded: whoever asked longest ago is forgotten first, which
    does not help them, for by then their bucket is full again or thousands of others ask too."""

    def __init__(self, allowed: Allowed, clock: Clock) -> None:
        self._allowed = allowed
        self._clock = clock
        # For each address the instant at which its bucket would be full, in ns.
        self._full_at: OrderedDict[str, int] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """How long this address has to wait until it may ask; 0 for not at all."""
        every_ns = self._allowed.every_s * 1e9
        missing = max(0, self._full_at.get(address, 0) - self._clock.now_ns()) / every_ns
        return max(0.0, missing + 1 - self._allowed.burst) * self._allowed.every_s

    def take(self, address: str) -> None:
        """The address has asked once."""
        full_at = max(self._full_at.pop(address, 0), self._clock.now_ns())
        self._full_at[address] = full_at + round(self._allowed.every_s * 1e9)
        if len(self._full_at) > MOST_ADDRESSES:
            self._full_at.popitem(last=False)
