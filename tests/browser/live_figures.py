"""From what the page's probe noted to figures: offsets of clicks and flashes, and their course.

A picture is shown for 40 ms; its code says where in them the click belongs, so that no offset is
rounded to pictures. Times are milliseconds of the page's clock.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PICTURE_MS = 40
MOST_DELAY_MS = 700  # less than the smallest gap of the clicks
Pairs = NDArray[np.float64]  # [n, 2]: when, and how much later the partner came


def flashes(frames: list[dict[str, Any]]) -> list[float]:
    """When each click's place in the pictures was shown."""
    out: list[float] = []
    for frame in frames:
        code = frame["code"]
        if not code:
            continue
        at = frame["shown"] - PICTURE_MS * (code >> 12 & 3) + ((code >> 5 & 127) - 40)
        if not out or at - out[-1] > 300:
            out.append(at)
    return out


def arrivals(clicks: list[dict[str, float]], beats: list[list[float]]) -> list[float]:
    """When each click was handed out by the browser's audio graph.

    The graph stamps clicks by its own exact clock; the page hears of them when it has time. So the
    graph's clock is tied to the page's by the beat that was told soonest of those within half a
    second. (Not by one for the whole call: on a starved machine the graph itself falls behind.)
    """
    ticks, told = np.array(beats).T
    waits = told - 1000 * ticks
    return [1000 * c["t"] + float(waits[abs(ticks - c["t"]) < 0.5].min()) for c in clicks]


def best_delay(first: list[float], then: list[float]) -> float:
    """The delay at which the irregular clicks of both fit; less than their smallest gap."""
    a, b = np.array(first), np.array(then)
    if not len(a) or not len(b):
        return 0.0
    tries = np.arange(0, MOST_DELAY_MS, 5.0)
    misfit = [np.median(np.min(abs(a[None] + d - b[:, None]), axis=1)) for d in tries]
    return float(tries[int(np.argmin(misfit))])


def paired(first: list[float], then: list[float], delay_ms: float, within_ms: float) -> Pairs:
    """For each of ``first``, how much later its partner in ``then`` came; unpaired left out."""
    later = np.array(then)
    if not len(later):
        return np.zeros((0, 2))
    pairs = [(t, later[np.argmin(abs(later - (t + delay_ms)))] - t) for t in first]
    return np.array([p for p in pairs if abs(p[1] - delay_ms) < within_ms]).reshape(-1, 2)


def summary(values: NDArray[np.float64]) -> dict[str, float]:
    """Count, median and the tails, in ms."""
    if not len(values):
        return {"n": 0}
    p5, p50, p95 = np.percentile(values, (5, 50, 95))
    return {"n": len(values), "median": round(p50, 1), "p5": round(p5, 1), "p95": round(p95, 1),
            "p95_abs": round(float(np.percentile(abs(values), 95)), 1)}  # fmt: skip


def buffered(before: dict[str, Any], after: dict[str, Any]) -> float:
    """What one track waited in the browser's jitter buffer between two of its reports."""
    emitted = after["jitterBufferEmittedCount"] - before["jitterBufferEmittedCount"]
    return 1000 * (after["jitterBufferDelay"] - before["jitterBufferDelay"]) / max(1, emitted)


def own_skew(report: dict[str, Any]) -> float | None:
    """The browser's own idea of how late the picture is against the sound."""
    played = [report[kind].get("estimatedPlayoutTimestamp") for kind in "av"]
    return None if None in played else played[0] - played[1]


def course(stats: list[dict[str, Any]], every: int = 4) -> dict[str, list[float | None]]:
    """Every two seconds: the browser's own skew and both jitter buffers."""
    out: dict[str, list[float | None]] = {"at": [], "skew": [], "sound": [], "picture": []}
    steps = zip(stats[:-every:every], stats[every::every], strict=False)
    for before, after in steps:
        out["at"].append(after["at"])
        out["skew"].append(own_skew(after))
        out["sound"].append(round(buffered(before["a"], after["a"]), 1))
        out["picture"].append(round(buffered(before["v"], after["v"]), 1))
    return out


def stall_cost(latency: Pairs, at_ms: float, after_s: float = 60.0) -> dict[str, float]:
    """Median latency of the 15 s before a stall, and of as many around ``after_s`` behind it."""
    when, ms = latency.T
    before = ms[(when > at_ms - 15_000) & (when < at_ms - 500)]
    after = ms[abs(when - at_ms - 1000 * after_s) < 7_500]
    at_once = ms[(when > at_ms) & (when < at_ms + 5_000)]
    return {
        "before_ms": round(float(np.median(before)), 1),
        "in_the_5_s_behind_it_ms": round(float(np.median(at_once)), 1),
        "60_s_after_ms": round(float(np.median(after)), 1),
        "cost_ms": round(float(np.median(after) - np.median(before)), 1),
    }
