"""Measure a live session in a real Chromium: fps, missed pictures, processor, skew, latency.

    python -m tests.browser.measure_live [--avatar synthetic] [--seconds 60] [--out runs/live.json]

Clicks go into a fake microphone. The page's probe notes when the microphone delivers each of them
and when it comes back as sound; the pictures carry a code that says when the pipeline heard it.
A picture is shown for 40 ms; the code says where in them the click belongs, so that the offset
between sound and picture is not rounded to pictures.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import Playwright, sync_playwright

from tests.browser.chromium import clicks, launch, probed_page, server, write_wav

PICTURE_MS = 40


def flashes(frames: list[dict[str, Any]]) -> list[float]:
    """When each click's place in the pictures was shown, ms."""
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
    """When each click was handed out by the browser's audio graph, ms.

    The graph stamps clicks by its own exact clock; the page hears of them when it has time. So the
    graph's clock is tied to the page's by the beat that was told soonest of those within half a
    second. (Not by one for the whole call: on a starved machine the graph itself falls behind.)
    """
    ticks, told = np.array(beats).T
    waits = told - 1000 * ticks
    return [1000 * c["t"] + float(waits[abs(ticks - c["t"]) < 0.5].min()) for c in clicks]


def paired(first: list[float], then: list[float], delay_ms: float, within_ms: float) -> np.ndarray:
    """For each of ``first``, how much later its partner in ``then`` came; unpaired left out."""
    later = np.array(then)
    if not len(later):
        return np.zeros(0)
    gaps = [later[np.argmin(abs(later - (t + delay_ms)))] - t for t in first]
    return np.array([g for g in gaps if abs(g - delay_ms) < within_ms])


def best_delay(first: list[float], then: list[float]) -> float:
    """The delay at which the irregular clicks of both fit, ms; less than their smallest gap."""
    a, b = np.array(first), np.array(then)
    if not len(a) or not len(b):
        return 0.0
    tries = np.arange(0, 700, 5.0)
    misfit = [np.median(np.min(abs(a[None] + d - b[:, None]), axis=1)) for d in tries]
    return float(tries[int(np.argmin(misfit))])


def summary(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return {"n": 0}
    p5, p50, p95 = np.percentile(values, (5, 50, 95))
    return {"n": len(values), "median": round(p50, 1), "p5": round(p5, 1), "p95": round(p95, 1),
            "p95_abs": round(float(np.percentile(abs(values), 95)), 1)}  # fmt: skip


def browser_seconds() -> float:
    """Processor time of the browser's processes, which are this one's descendants."""
    family = psutil.Process().children(recursive=True)
    return sum(sum(p.cpu_times()[:2]) for p in family if "chrom" in p.name())


def buffered(before: dict[str, Any], after: dict[str, Any]) -> float:
    """What one track waited in the jitter buffer between two reports, ms."""
    emitted = after["jitterBufferEmittedCount"] - before["jitterBufferEmittedCount"]
    return 1000 * (after["jitterBufferDelay"] - before["jitterBufferDelay"]) / max(1, emitted)


def course(stats: list[dict[str, Any]], began: float) -> list[tuple[float, ...]]:
    """Every two seconds: time, Chromium's own skew, and the delay of both jitter buffers, ms."""
    out = []
    for before, after in zip(stats[:-4:4], stats[4::4], strict=False):
        played = [after[k].get("estimatedPlayoutTimestamp") for k in ("a", "v")]
        skew = round(played[0] - played[1]) if None not in played else None
        out.append(
            (
                round((after["at"] - began) / 1000),
                skew,
                *(round(buffered(before[k], after[k])) for k in "av"),
            )
        )
    return out


def measure(playwright: Playwright, avatar: str, seconds: float, skip_s: float) -> dict[str, Any]:
    """All figures of one call of ``seconds``, after ``skip_s`` that are left out."""
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "clicks.wav"
        write_wav(sound, clicks(60), 48000)
        with server(avatar, "--calibrated") as (address, process):
            watched = psutil.Process(process.pid)
            browser = launch(playwright, sound)
            page = probed_page(browser)
            page.goto(address)
            page.locator("#start:enabled").click()
            page.wait_for_function("window.__probe.first", timeout=15000)
            page.wait_for_timeout(skip_s * 1000)
            before, began = watched.cpu_times(), page.evaluate("performance.now()")
            browsing = browser_seconds()
            page.wait_for_timeout(seconds * 1000)
            after, ended = watched.cpu_times(), page.evaluate("performance.now()")
            browsing = browser_seconds() - browsing
            probe = page.evaluate("(({sound, mouth, ...rest}) => rest)(window.__probe)")
            status = page.evaluate(
                "fetch(performance.getEntriesByType('resource').map(e => e.name)"
                ".findLast(n => /sessions\\/./.test(n))).then(r => r.json())"
            )
            metrics = urllib.request.urlopen(f"{address}metrics").read().decode()
            memory = watched.memory_info().rss
            browser.close()
    inside = [f for f in probe["frames"] if began <= f["shown"] <= ended]
    mic_arrival = arrivals(probe["mic"], probe["beats"])
    voice_arrival = [t for t in arrivals(probe["voice"], probe["beats"]) if began <= t <= ended]
    voice_heard = [c["heard"] for c in probe["voice"] if began <= c["heard"] <= ended]
    shown = flashes(inside)
    cpu = (after.user + after.system - before.user - before.system) / ((ended - began) / 1000)
    stats = [s for s in probe["stats"] if began <= s["at"] <= ended]
    first, last = stats[0], stats[-1]
    delay = best_delay(mic_arrival, shown)
    kbits = (last["v"]["bytesReceived"] - first["v"]["bytesReceived"]) * 8
    own = [s["a"]["estimatedPlayoutTimestamp"] - s["v"]["estimatedPlayoutTimestamp"]
           for s in stats if all("estimatedPlayoutTimestamp" in s[k] for k in "av")]  # fmt: skip
    return {
        "avatar": avatar,
        "seconds": round((ended - began) / 1000, 1),
        "connect_ms": round(probe["connected"] - probe["opened"]),
        "first_picture_ms": round(probe["first"] - probe["opened"]),
        "codec": last["codec"],
        "fps_shown": round(len(inside) / (ended - began) * 1000, 2),
        "fps_decoded": round((last["v"]["framesDecoded"] - first["v"]["framesDecoded"])
                             / (last["at"] - first["at"]) * 1000, 2),
        "server_cpu_percent": round(100 * cpu, 1),
        "browser_cpu_percent": round(100 * browsing / ((ended - began) / 1000), 1),
        "server_rss_mb": round(memory / 1e6),
        "skew_ms": summary(paired(voice_arrival, shown, 0, 350)),
        "skew_loudspeaker_ms": summary(paired(voice_heard, shown, 0, 350)),
        "skew_chromium_ms": summary(np.array(own)),
        "click_to_flash_ms": summary(paired(mic_arrival, shown, delay, 150)),
        "click_to_voice_ms": summary(
            paired(mic_arrival, voice_arrival, best_delay(mic_arrival, voice_arrival), 150)),
        "jitter_buffer_ms": {kind: round(buffered(first[kind], last[kind]), 1) for kind in "av"},
        "course": course(stats, first["at"]),
        "keyframes": last["v"].get("keyFramesDecoded"),
        "kbps": round(kbits / (last["at"] - first["at"])),
        "concealed_samples": last["a"]["concealedSamples"] - first["a"]["concealedSamples"],
        "status": status,
        "metrics": {line.split()[0].removeprefix("avatar_engine_"): float(line.split()[1])
                    for line in metrics.splitlines() if line and line[0] != "#"},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--avatar", default="synthetic")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--skip", type=float, default=5, help="seconds left out at the start")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with sync_playwright() as playwright:
        found = measure(playwright, given.avatar, given.seconds, given.skip)
    result = json.dumps(found, indent=1)
    sys.stdout.write(result + "\n")
    if given.out:
        given.out.write_text(result)


if __name__ == "__main__":
    main()
