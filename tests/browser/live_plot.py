"""The course of a measured call as a picture: latency, skew, and where the browser buffers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt


def plot(result: dict[str, Any], path: Path) -> None:
    """``result`` of ``measure_live.measure``, into a PNG."""
    series = result["series"]
    figure, (late, skew, buffers) = plt.subplots(
        3, 1, sharex=True, figsize=(9, 7.5), constrained_layout=True, height_ratios=(3, 2, 2)
    )
    for name, label in (("click_to_flash", "click to flash"), ("click_to_voice", "click to voice")):
        at, ms = np.array(series[name]).reshape(-1, 2).T
        late.plot(
            at, ms, ".", label=f"{label}, median {np.median(ms):.0f} ms" if len(ms) else label
        )
    late.set_ylabel("ms")
    late.set_ylim(0)
    late.set_title(
        f"{result['avatar']}, {result['seconds']:.0f} s, {result['fps_decoded']} pictures a "
        f"second, server {result['server_cpu_percent']} % of a core"
    )
    at, ms = np.array(series["skew"]).reshape(-1, 2).T
    skew.plot(at, ms, ".", label="measured at clicks")
    course = series["browser"]
    skew.plot(course["at"], course["skew"], lw=1, label="the browser's own estimate")
    skew.axhspan(-45, 45, color="0.92", zorder=0)
    skew.set_ylabel("picture late, ms")
    buffers.plot(course["at"], course["sound"], label="jitter buffer, sound")
    buffers.plot(course["at"], course["picture"], label="jitter buffer, picture")
    status = np.array(series["delay"]).reshape(-1, 2).T
    buffers.plot(*status, "k", lw=1, label="server: microphone to release")
    buffers.set_ylabel("ms")
    buffers.set_ylim(0)
    buffers.set_xlabel("s since the measurement began")
    for axes in (late, skew, buffers):
        axes.grid(alpha=0.3)
        if result.get("stall"):
            axes.axvline(result["stall"]["at_s"], color="r", lw=0.8)
        axes.legend(loc="upper right", fontsize="small")
    figure.savefig(path, dpi=110)
    plt.close(figure)
