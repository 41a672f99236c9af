"""What the server counts, and its text for Prometheus (exposition format 0.0.4)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from functools import reduce

import numpy as np

__all__ = ["Metrics", "Recent", "SessionCounts", "Timings"]

_PREFIX = "avatar_engine_"


class Recent:
    """Quantiles over the last values; bounded."""

    def __init__(self, most: int = 512) -> None:
        self._values: deque[float] = deque(maxlen=most)
        self.count = 0
        self.total = 0.0

    def add(self, value: float) -> None:
        self._values.append(value)
        self.count += 1
        self.total += value

    def quantile(self, share: float, otherwise: float = 0.0) -> float:
        """The value below which ``share`` of the recent ones lie."""
        return float(np.quantile(list(self._values), share)) if self._values else otherwise


@dataclass
class SessionCounts:
    """Of one session, and summed of all. Pictures and packets; sound in samples."""

    drawn: int = 0  # pictures made
    sent: int = 0  # pictures that left
    repeated: int = 0  # of those, the previous one again: the due one was not ready
    late: int = 0  # or one of an earlier time: it was ready too late for its own
    skipped: int = 0  # never drawn: too late before drawing began
    missed_slots: int = 0  # neither: the event loop itself was late by more than a picture
    packets: int = 0  # packets of sound that came
    sound_lost: int = 0
    sound_concealed: int = 0
    sound_late: int = 0
    sound_left_out: int = 0
    sound_put_in: int = 0
    sound_given_up: int = 0
    voice_slots_missed: int = 0  # packets of the delayed voice not sent: too late
    anchored: int = 0  # times the microphone was given a new place on the timeline

    def plus(self, other: SessionCounts) -> SessionCounts:
        return SessionCounts(
            *(getattr(self, f.name) + getattr(other, f.name) for f in fields(self))
        )


@dataclass
class Timings:
    """Stage times in milliseconds, of all sessions together."""

    listen: Recent = field(default_factory=Recent)
    draw: Recent = field(default_factory=Recent)
    ready: Recent = field(default_factory=Recent)  # from complete sound to the picture
    video_lateness: Recent = field(default_factory=Recent)
    voice_lateness: Recent = field(default_factory=Recent)
    sound_ahead: Recent = field(default_factory=Recent)


@dataclass
class Metrics:
    """Server-wide. Counts of ended sessions are added to ``ended`` so that none is lost."""

    timings: Timings = field(default_factory=Timings)
    ended: SessionCounts = field(default_factory=SessionCounts)
    sessions_started: int = 0
    sessions_refused: int = 0
    sessions_failed: int = 0
    exports_started: int = 0
    exports_failed: int = 0

    def text(self, running: Iterable[SessionCounts]) -> str:
        """All of it for Prometheus, with the counts of the ``running`` sessions."""
        running = list(running)
        total = reduce(SessionCounts.plus, running, self.ended)
        lines = [*_metric("sessions", "gauge", "Live sessions.", [("", len(running))])]
        for name in ("sessions_started", "sessions_refused", "sessions_failed",
                     "exports_started", "exports_failed"):  # fmt: skip
            lines += _metric(f"{name}_total", "counter", "", [("", getattr(self, name))])
        for f in fields(total):
            lines += _metric(f"{f.name}_total", "counter", "", [("", getattr(total, f.name))])
        for f in fields(self.timings):
            lines += _summary(f"{f.name}_milliseconds", getattr(self.timings, f.name))
        return "\n".join(lines) + "\n"


def _metric(name: str, kind: str, about: str, samples: list[tuple[str, float]]) -> Iterable[str]:
    if about:
        yield f"# HELP {_PREFIX}{name} {about}"
    yield f"# TYPE {_PREFIX}{name} {kind}"
    for labels, value in samples:
        yield f"{_PREFIX}{name}{labels} {value:.15g}"


def _summary(name: str, recent: Recent) -> Iterable[str]:
    quantiles = [(f'{{quantile="{q}"}}', recent.quantile(q)) for q in (0.5, 0.95, 0.99)]
    yield from _metric(name, "summary", "", quantiles)
    yield f"{_PREFIX}{name}_sum {recent.total:.15g}"
    yield f"{_PREFIX}{name}_count {recent.count}"
