"""How many sessions this machine carries, from what they cost here and how they fare.

Before the first session the cost is a guess from the time one picture takes to draw; afterwards it
is this process's own processor time over the session-seconds of the last while. Whatever else runs
on the machine shows in the pictures: when many of them came too late, nobody else is let in,
however few there are.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = ["CapacityState", "Sample", "begin", "cores", "places", "step", "struggles"]

WINDOW_S = 10.0
KNOWN_AFTER_S = 5.0  # session-seconds, fewer say nothing
SHARE = 0.8  # of the cores that sessions may use up: the rest is for bursts, and who else is there
_PICTURES_A_SECOND = 25
_TRANSPORT = 0.28  # of a core: encoding, packets, encryption, HTTP; measured at 512 x 512
LATE_SHARE = 0.15  # of the pictures: more and the machine has no room
_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True)
class Sample:
    """Of one instant: cpu_s used by the process so far, live sessions, and of all pictures that
    left so far how many there were and how many were not the ones they should have been."""

    at_s: float
    cpu_s: float
    sessions: int
    pictures: int
    late: int


@dataclass(frozen=True)
class CapacityState:
    """cost: of one session, in cores. samples: of the last seconds, oldest first."""

    cost: float
    samples: tuple[Sample, ...] = ()


def begin(draw_ms: float) -> CapacityState:
    """A guess from how long one picture takes to draw."""
    return CapacityState(draw_ms / 1000 * _PICTURES_A_SECOND + _TRANSPORT)


def step(sample: Sample, state: CapacityState) -> CapacityState:
    """One more sample, later than the others."""
    kept = tuple(s for s in state.samples if sample.at_s - s.at_s <= WINDOW_S)
    state = replace(state, samples=(*kept, sample))
    first = state.samples[0]
    session_seconds = sum(
        b.sessions * (b.at_s - a.at_s)
        for a, b in zip(state.samples, state.samples[1:], strict=False)
    )
    if session_seconds < KNOWN_AFTER_S:
        return state
    return replace(state, cost=max(0.01, (sample.cpu_s - first.cpu_s) / session_seconds))


def places(available: float, state: CapacityState) -> int:
    """Sessions at a time on so many cores, at least one."""
    return max(1, int(available * SHARE / state.cost))


def struggles(state: CapacityState) -> bool:
    """Whether too many of the last pictures were late for one more session to be let in."""
    if len(state.samples) < 2:
        return False
    first, last = state.samples[0], state.samples[-1]
    pictures = last.pictures - first.pictures
    enough = pictures >= KNOWN_AFTER_S * _PICTURES_A_SECOND
    return enough and last.late - first.late > LATE_SHARE * pictures


def cores() -> float:
    """That this process may use: by its affinity, and by the quota of its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(float(allowed or 1), _quota())


def _quota() -> float:
    try:
        quota, period = _CGROUP_QUOTA.read_text().split()
        return float("inf") if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return float("inf")
