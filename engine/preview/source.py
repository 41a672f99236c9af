"""A sound file in place of a microphone, at the pace of a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from threading import Event, Thread

import numpy as np
from numpy.typing import NDArray

from engine.audio import decode
from engine.clock import Clock
from engine.live.timeline import RATE

__all__ = ["BLOCK", "FileSource", "blocks"]

BLOCK = RATE // 100


def blocks(chunks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.int16]]:
    """``[BLOCK]`` int16 of float32 chunks of any size; the last one is filled with silence."""
    rest = np.zeros(0, np.float32)
    for chunk in chunks:
        rest = np.concatenate([rest, chunk])
        whole = len(rest) // BLOCK * BLOCK
        yield from np.rint(rest[:whole] * 32767).astype(np.int16).reshape(-1, BLOCK)
        rest = rest[whole:]
    if len(rest):
        yield np.pad(np.rint(rest * 32767).astype(np.int16), (0, BLOCK - len(rest)))


class FileSource:
    """Plays a file once, as a ``SoundStream`` that ends.

    wait: sleeps for that many seconds; True, at once, when the source is closed meanwhile.
    """

    latency_ms = 0.0

    def __init__(
        self,
        path: Path,
        clock: Clock,
        hear: Callable[[NDArray[np.int16]], None],
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        """Raises BadAudio for a file that holds no sound."""
        self._clock = clock
        self._hear = hear
        self._closed = Event()
        self._wait = wait or self._closed.wait
        coming = blocks(decode(path, RATE))
        self._blocks = chain((next(coming),), coming)  # a bad file fails here
        self._thread = Thread(target=self.run, name="sound file", daemon=True)
        self.ended = False

    def start(self) -> None:
        self._thread.start()

    def run(self) -> None:
        """Hand over each block when a microphone would have recorded it."""
        start = self._clock.now_ns()
        for k, block in enumerate(self._blocks, 1):
            ahead_s = (start + k * BLOCK * 1_000_000_000 // RATE - self._clock.now_ns()) / 1e9
            if ahead_s > 0 and self._wait(ahead_s):
                return
            self._hear(block)
        self.ended = True

    @property
    def active(self) -> bool:
        return not self.ended and not self._closed.is_set()

    def close(self) -> None:
        """Stop; returns when nothing is handed over any more."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
