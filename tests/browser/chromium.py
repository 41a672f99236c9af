"""A real Chromium with a fake microphone that plays a file, and the server beside it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, Playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
PROBE = Path(__file__).with_name("probe.js")
ROOT = Path(__file__).parents[2]


def executable() -> str | None:
    """The distribution's Chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def launch(
    playwright: Playwright, microphone: Path, camera: Path | None = None, *, loop: bool = True
) -> Browser:
    """microphone: a wav file that it hears. camera: an mjpeg or y4m file that it sees."""
    path = executable()
    assert path is not None, "no chromium on the PATH"
    suffix = "" if loop else "%noloop"
    sees = [f"--use-file-for-fake-video-capture={camera}"] if camera is not None else []
    return playwright.chromium.launch(
        executable_path=path,
        headless=True,
        args=[*FLAGS, *sees, f"--use-file-for-fake-audio-capture={microphone}{suffix}"],
    )


def probed_page(browser: Browser, **options: object) -> Page:
    """A page with the probe in it. Its worklet comes from a blob, which the page's own policy
    forbids; so the policy is set aside here and tested elsewhere."""
    context = browser.new_context(bypass_csp=True, permissions=["microphone"], **options)
    page = context.new_page()
    page.add_init_script(path=PROBE)
    return page


@contextlib.contextmanager
def server(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """``tests.browser.serve`` in a process of its own: its address and the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.browser.serve", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http"), "the server did not start; its log is above"
        yield address, process
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def write_wav(path: Path, samples: NDArray[np.floating], rate: int) -> None:
    """Mono, 16 bit: what Chromium's fake microphone reads."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def clicks(seconds: int, seed: int = 1, rate: int = 48000) -> NDArray[np.float64]:
    """6 ms bursts of 2 kHz at irregular gaps of 0.75 to 1 s, so that each knows its neighbours."""
    rng = np.random.default_rng(seed)
    out = np.zeros(seconds * rate)
    burst = 0.8 * np.sin(2 * np.pi * 2000 * np.arange(rate * 6 // 1000) / rate)
    at = 0.5
    while at < seconds - 1:
        out[int(at * rate) :][: len(burst)] = burst
        at += rng.uniform(0.75, 1.0)
    return out
