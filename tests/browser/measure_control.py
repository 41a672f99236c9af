"""How soon a slider is seen, and what telling the motion costs.

    python -m tests.browser.measure_control [AVATAR] [--times N] [--seconds S]

Prints JSON: milliseconds from a slider's event to the first picture in which the mouth has moved a
fifth of its way, and the share of one core that the server takes with and without the motion told.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import Page, sync_playwright

from engine.avatar import Avatar, find_avatar
from tests.browser.chromium import launch, server, write_wav

STEER = Path(__file__).with_name("steer.js")
SLIDE = """([part, value]) => watched(part, 10, () => {
    const slider = document.getElementById("control-smile");
    slider.value = value;
    slider.dispatchEvent(new Event("input"));
})"""


def mouth(avatar: Avatar) -> list[float]:
    """Where the mouth is, in shares of the picture's sides."""
    x0, y0, x1, y1 = (int(v) for v in avatar.manifest["frame"]["mouth"])
    return [x0 / avatar.width, y0 / avatar.height, x1 / avatar.width, y1 / avatar.height]


def delays(page: Page, part: list[float], times: int) -> list[float]:
    page.get_by_role("button", name="Start").click()
    page.locator("#connection").get_by_text("Live").wait_for()
    page.wait_for_timeout(2000)
    found = [page.evaluate(SLIDE, [part, 1 - n % 2])["ms"] for n in range(times)]
    page.get_by_role("button", name="Stop").click()
    return [ms for ms in found if ms is not None]


def cost(page: Page, process: psutil.Process, name: str, seconds: float, follow: bool) -> Any:
    """Share of one core that the server takes during a call."""
    before, spent = process.cpu_times(), []
    page.evaluate("([name, s, follow]) => followed(name, s, follow)", [name, seconds, follow])
    after = process.cpu_times()
    spent = [b - a for a, b in zip(before[:2], after[:2], strict=True)]
    return sum(spent) / seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("avatar", nargs="?", default="clara")
    parser.add_argument("--times", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=15)
    given = parser.parse_args()
    part = mouth(Avatar.load(find_avatar(given.avatar)))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        silence = Path(folder) / "silence.wav"
        write_wav(silence, np.zeros(48000), 48000)
        browser = launch(playwright, silence)
        with server(given.avatar) as (address, process):
            page = browser.new_context(permissions=["microphone"]).new_page()
            page.add_init_script(path=STEER)
            page.goto(address)
            page.locator("#start:enabled").wait_for()
            seen = delays(page, part, given.times)
            watched = psutil.Process(process.pid)
            turns = [False, True, False, True]
            shares = [cost(page, watched, given.avatar, given.seconds, turn) for turn in turns]
        browser.close()
    told = {turn: float(np.mean(shares[turn::2])) for turn in (0, 1)}
    found = {
        "slider_to_picture_ms": {"median": float(np.median(seen)), "each": seen},
        "server_share_of_a_core": {"without_motion": told[0], "with_motion": told[1]},
        "motion_share_of_a_core": told[1] - told[0],
    }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
