"""The last second of the session's sound at full quality, to be given back delayed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["VoiceMemory"]


class VoiceMemory:
    """A ring of mono int16 samples at 48 kHz, addressed by their place on the timeline."""

    def __init__(self, capacity: int = 65536) -> None:
        self._ring = np.zeros(capacity, np.int16)
        self._end = 0

    def append(self, samples: NDArray[np.int16]) -> None:
        """``[n]`` int16 behind what is there; the oldest are forgotten."""
        size = len(self._ring)
        kept = samples[-size:]
        at = (self._end + len(samples) - len(kept)) % size
        first = min(len(kept), size - at)
        self._ring[at : at + first] = kept[:first]
        self._ring[: len(kept) - first] = kept[first:]
        self._end += len(samples)

    def read(self, start: int, count: int) -> NDArray[np.int16]:
        """``[count]`` int16 from timeline sample ``start``; zeros where nothing is known."""
        out = np.zeros(count, np.int16)
        size = len(self._ring)
        first = max(start, self._end - size, 0)
        last = min(start + count, self._end)
        while first < last:
            at = first % size
            part = min(last - first, size - at)
            out[first - start : first - start + part] = self._ring[at : at + part]
            first += part
        return out
