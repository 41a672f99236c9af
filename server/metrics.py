"""What the server counts, and its text for Prometheus (exposition format 0.0.4)."""

from __future__ import annotations

import os
import resource
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Metrics", "Recent", "SessionCounts", "Timings"]

_PREFIX = "avatar_engine_"
Sample = tuple[str, float]


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


def _count(about: str) -> Any:
    return field(default=0, metadata={"about": about})


def _about(text: str) -> dict[str, str]:
    return {"about": text}


@dataclass
class SessionCounts:
    """Of one session, and summed of all. Pictures and packets; sound in samples at 48 kHz."""

    drawn: int = _count("Pictures made.")
    sent: int = _count("Pictures that left.")
    repeated: int = _count("Of those sent, the previous one again: the due one was not ready.")
    late: int = _count("Of those sent, one of an earlier time: its own had passed.")
    skipped: int = _count("Pictures never drawn: too late before drawing began.")
    missed_slots: int = _count("Pictures neither made nor sent: the event loop itself was late.")
    packets: int = _count("Packets of sound that came.")
    sound_lost: int = _count("Samples filled in for packets that did not come.")
    sound_concealed: int = _count("Samples filled in for sound that was needed before it came.")
    sound_late: int = _count("Samples thrown away: their place had long been filled.")
    sound_left_out: int = _count("Samples of silence left out to shorten the delay.")
    sound_put_in: int = _count("Samples of silence put in to lengthen the delay.")
    sound_given_up: int = _count("Samples not heard by the pipeline: it was seconds behind.")
    voice_slots_missed: int = _count("Packets of the delayed voice not sent: too late.")
    control_taken: int = _count("Texts of control that were taken.")
    control_refused: int = _count("Texts of control that were refused.")
    motions_told: int = _count("Motions sent to who asked for them.")
    motions_left_out: int = _count("Motions not sent: their channel was full or closed.")
    anchored: int = _count("Times the microphone was given a new place on the timeline.")

    def plus(self, other: SessionCounts) -> SessionCounts:
        return SessionCounts(
            *(getattr(self, f.name) + getattr(other, f.name) for f in fields(self))
        )


@dataclass
class Timings:
    """Stage times in milliseconds, of all sessions together."""

    listen: Recent = field(
        default_factory=Recent, metadata=_about("From samples to motions, per job.")
    )
    draw: Recent = field(default_factory=Recent, metadata=_about("From a motion to a picture."))
    ready: Recent = field(
        default_factory=Recent,
        metadata=_about("From complete sound to the picture, waiting included."),
    )
    encode: Recent = field(default_factory=Recent, metadata=_about("From a picture to packets."))
    video_lateness: Recent = field(
        default_factory=Recent, metadata=_about("Picture taken by the sender after its time.")
    )
    voice_lateness: Recent = field(
        default_factory=Recent, metadata=_about("Voice taken by the sender after its time.")
    )
    sound_ahead: Recent = field(
        default_factory=Recent, metadata=_about("Timeline ahead of the clock when a packet comes.")
    )
    delay: Recent = field(
        default_factory=Recent, metadata=_about("From a packet's arrival to its release.")
    )
    skew: Recent = field(
        default_factory=Recent, metadata=_about("Picture later than sound, by the browsers.")
    )


@dataclass
class Metrics:
    """Server-wide. Counts of ended sessions are added to ``ended`` so that none is lost."""

    timings: Timings = field(default_factory=Timings)
    ended: SessionCounts = field(default_factory=SessionCounts)
    sessions_started: int = _count("Sessions opened.")
    sessions_refused: int = _count("Callers told to come back later.")
    sessions_failed: int = _count("Sessions that an error of the server's ended.")
    exports_started: int = _count("Avatars begun.")
    exports_failed: int = _count("Avatars that came to nothing.")

    def text(self, running: Iterable[SessionCounts], places: int = 0) -> str:
        """All of it for Prometheus, with the counts of the ``running`` sessions of ``places``."""
        running = list(running)
        total = reduce(SessionCounts.plus, running, self.ended)
        lines = [
            *_metric("sessions", "gauge", "Live sessions.", [("", len(running))]),
            *_metric("places", "gauge", "Sessions that may be live at a time.", [("", places)]),
        ]
        for owner in (self, total):
            for f in fields(owner):
                if "about" in f.metadata:
                    samples = [("", getattr(owner, f.name))]
                    lines += _metric(f"{f.name}_total", "counter", f.metadata["about"], samples)
        for f in fields(self.timings):
            recent = getattr(self.timings, f.name)
            lines += _summary(f"{f.name}_milliseconds", f.metadata["about"], recent)
        return "\n".join([*lines, *_process()]) + "\n"


def _metric(
    name: str, kind: str, about: str, samples: list[Sample], prefix: str = _PREFIX
) -> Iterator[str]:
    yield f"# HELP {prefix}{name} {about}"
    yield f"# TYPE {prefix}{name} {kind}"
    for labels, value in samples:
        yield f"{prefix}{name}{labels} {value:.15g}"


def _summary(name: str, about: str, recent: Recent) -> Iterator[str]:
    quantiles = [(f'{{quantile="{q}"}}', recent.quantile(q)) for q in (0.5, 0.95, 0.99)]
    yield from _metric(name, "summary", about, quantiles)
    yield f"{_PREFIX}{name}_sum {recent.total:.15g}"
    yield f"{_PREFIX}{name}_count {recent.count}"


def _process() -> Iterator[str]:
    """Of the process itself, under the names that all of Prometheus's clients use."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = [("", used.ru_utime + used.ru_stime)]
    yield from _metric("cpu_seconds_total", "counter", "Processor time.", seconds, "process_")
    proc = Path("/proc/self")
    if proc.is_dir():
        resident = int((proc / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        about = "Memory in use."
        yield from _metric("resident_memory_bytes", "gauge", about, [("", resident)], "process_")
        files = len(list((proc / "fd").iterdir()))
        yield from _metric("open_fds", "gauge", "Open descriptors.", [("", files)], "process_")
