"""Measure a live session in a real Chromium: latency, skew, fps, processor, and their course.

    python -m tests.browser.measure_live [--avatar synthetic] [--seconds 60] [--out runs/live/now]
                                         [--stall 200] [--loss 0.02] [--jitter 60]

Clicks go into a fake microphone. The page's probe notes when the microphone delivers each of them
and when it comes back as sound; the pictures carry a code that says when the pipeline heard it.
OUT.json holds every figure and the series behind them, OUT.png their course. With --stall the
server is stopped (SIGSTOP) once for so many milliseconds, 20 s into at least 90 s; with --loss and
--jitter a relay stands between browser and server.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import Page, Playwright, sync_playwright

from tests.browser.chromium import clicks, launch, probed_page, server, write_wav
from tests.browser.live_figures import (
    Pairs,
    arrivals,
    best_delay,
    buffered,
    course,
    flashes,
    own_skew,
    paired,
    stall_cost,
    summary,
)

STALL_AFTER_S = 20
STATUS_EVERY_S = 2.0
_STATUS = (
    "fetch(performance.getEntriesByType('resource').map(e => e.name)"
    ".findLast(n => /sessions\\/[^/]+$/.test(n))).then(r => r.json())"
)


def browser_seconds() -> float:
    """Processor time of the browser's processes, which are this one's descendants."""
    family = psutil.Process().children(recursive=True)
    return sum(sum(p.cpu_times()[:2]) for p in family if "chrom" in p.name())


def stop_for(pid: int, ms: float) -> None:
    """Let the server's process stand still: its event loop, its workers, all of it."""
    os.kill(pid, signal.SIGSTOP)
    time.sleep(ms / 1000)
    os.kill(pid, signal.SIGCONT)


def watch(page: Page, seconds: float, pid: int, stall_ms: float) -> dict[str, Any]:
    """Wait, noting the server's delay; when the call was stalled, if at all."""
    delays, stalled_at = [], None
    began = page.evaluate("performance.now()")
    while (now := page.evaluate("performance.now()") - began) < seconds * 1000:
        if stall_ms and stalled_at is None and now > STALL_AFTER_S * 1000:
            stalled_at = began + now
            stop_for(pid, stall_ms)
        status = page.evaluate(_STATUS)
        if "delay_ms" in status:  # not before the page asked for it once, nor after the end
            delays.append((now / 1000, status["delay_ms"]))
        left = seconds * 1000 - now
        page.wait_for_timeout(min(STATUS_EVERY_S * 1000, max(1, left)))
    return {"delays": delays, "stalled_at": stalled_at, "status": status}


def measure(
    playwright: Playwright,
    avatar: str,
    seconds: float,
    skip_s: float,
    stall_ms: float = 0.0,
    network: tuple[str, ...] = (),
) -> dict[str, Any]:
    """All figures of one call of ``seconds``, after ``skip_s`` that are left out."""
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "clicks.wav"
        write_wav(sound, clicks(60), 48000)
        with server(avatar, "--calibrated", *network) as (address, process):
            watched = psutil.Process(process.pid)
            browser = launch(playwright, sound)
            page = probed_page(browser)
            page.goto(address)
            page.locator("#start:enabled").click()
            page.wait_for_function("window.__probe.first", timeout=15000)
            page.wait_for_timeout(skip_s * 1000)
            before, began = watched.cpu_times(), page.evaluate("performance.now()")
            browsing = browser_seconds()
            seen = watch(page, seconds, process.pid, stall_ms)
            after, ended = watched.cpu_times(), page.evaluate("performance.now()")
            browsing = browser_seconds() - browsing
            probe = page.evaluate("(({sound, mouth, ...rest}) => rest)(window.__probe)")
            metrics = urllib.request.urlopen(f"{address}metrics").read().decode()
            memory = watched.memory_info().rss
            browser.close()
    took_s = (ended - began) / 1000
    cpu = after.user + after.system - before.user - before.system
    found = figures(probe, began, ended)
    stall = None
    if seen["stalled_at"] is not None:
        stall = {"ms": stall_ms, "at_s": round((seen["stalled_at"] - began) / 1000, 1)}
        latency = np.array(found["series"]["click_to_flash"]).reshape(-1, 2) * (1000, 1)
        stall |= stall_cost(latency, seen["stalled_at"] - began)
    found["series"]["delay"] = seen["delays"]
    return {
        "avatar": avatar,
        "network": " ".join(network) or "none between",
        "seconds": round(took_s, 1),
        "server_cpu_percent": round(100 * cpu / took_s, 1),
        "browser_cpu_percent": round(100 * browsing / took_s, 1),
        "server_rss_mb": round(memory / 1e6),
        "load_average": os.getloadavg()[0],
        "stall": stall,
        **found,
        "status": seen["status"],
        "metrics": {line.split()[0].removeprefix("avatar_engine_"): float(line.split()[1])
                    for line in metrics.splitlines() if line and line[0] != "#"},
    }  # fmt: skip


def figures(probe: dict[str, Any], began: float, ended: float) -> dict[str, Any]:
    """What the probe saw between two instants, as medians and tails and as series over time."""
    inside = [f for f in probe["frames"] if began <= f["shown"] <= ended]
    stats = [s for s in probe["stats"] if began <= s["at"] <= ended]
    first, last = stats[0], stats[-1]
    took_s = (last["at"] - first["at"]) / 1000
    mic = [t for t in arrivals(probe["mic"], probe["beats"]) if began <= t <= ended - 700]
    voice = [t for t in arrivals(probe["voice"], probe["beats"]) if began <= t <= ended]
    heard = [c["heard"] for c in probe["voice"] if began <= c["heard"] <= ended]
    shown = flashes(inside)
    skew = paired(voice, shown, 0, 350)
    to_flash = paired(mic, shown, best_delay(mic, shown), 150)
    to_voice = paired(mic, voice, best_delay(mic, voice), 150)
    own = [s for s in map(own_skew, stats) if s is not None]
    over_time = course(stats)
    over_time["at"] = [round((t - began) / 1000, 1) for t in over_time["at"]]

    def timed(pairs: Pairs) -> list[list[float]]:
        return np.round((pairs - (began, 0)) / (1000, 1), 2).tolist()

    return {
        "connect_ms": round(probe["connected"] - probe["opened"]),
        "first_picture_ms": round(probe["first"] - probe["opened"]),
        "codec": last["codec"],
        "fps_shown": round(len(inside) / (ended - began) * 1000, 2),
        "fps_decoded": round(
            (last["v"]["framesDecoded"] - first["v"]["framesDecoded"]) / took_s, 2
        ),
        "click_to_flash_ms": summary(to_flash[:, 1]),
        "click_to_voice_ms": summary(to_voice[:, 1]),
        "skew_ms": summary(skew[:, 1]),
        "skew_loudspeaker_ms": summary(paired(heard, shown, 0, 350)[:, 1]),
        "skew_chromium_ms": summary(np.array(own)),
        "jitter_buffer_ms": {
            "sound": round(buffered(first["a"], last["a"]), 1),
            "picture": round(buffered(first["v"], last["v"]), 1),
        },
        "keyframes": last["v"].get("keyFramesDecoded"),
        "kbps": round(
            (last["v"]["bytesReceived"] - first["v"]["bytesReceived"]) * 8 / took_s / 1e3
        ),
        "concealed_samples": last["a"]["concealedSamples"] - first["a"]["concealedSamples"],
        "series": {
            "click_to_flash": timed(to_flash),
            "click_to_voice": timed(to_voice),
            "skew": timed(skew),
            "browser": over_time,
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--avatar", default="synthetic")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--skip", type=float, default=5, help="seconds left out at the start")
    parser.add_argument("--stall", type=float, default=0, help="ms for which the server is stopped")
    parser.add_argument("--loss", type=float, default=0, help="share of the datagrams")
    parser.add_argument("--jitter", type=float, default=0, help="ms")
    parser.add_argument("--out", type=Path, default=Path("runs/live/now"))
    given = parser.parse_args()
    network = ()
    if given.loss or given.jitter:
        network = ("--loss", str(given.loss), "--jitter", str(given.jitter))
    seconds = max(given.seconds, 90) if given.stall else given.seconds
    with sync_playwright() as playwright:
        found = measure(playwright, given.avatar, seconds, given.skip, given.stall, network)
    from tests.browser.live_plot import plot

    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.with_suffix(".json").write_text(json.dumps(found))
    plot(found, given.out.with_suffix(".png"))
    told = {key: value for key, value in found.items() if key not in ("series", "metrics")}
    sys.stdout.write(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
