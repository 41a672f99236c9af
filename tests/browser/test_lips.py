"""The received mouth moves with the words: in a real Chromium, against the real server."""

from __future__ import annotations

import os
import urllib.request
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.browser.chromium import probed_page
from tests.browser.conftest import Subject
from tests.browser.lips import (
    Agreement,
    Heard,
    LipReader,
    agreement,
    heard_sound,
    loudness,
    share_at_rest,
    shuffled,
)

pytestmark = [pytest.mark.browser, pytest.mark.realtime]

SECONDS = 10


class Recording:
    """One call of some seconds: the pictures and the sound as the browser got them."""

    def __init__(self, probe: dict[str, Any], subject: Subject) -> None:
        self.frames = [f for f in probe["frames"] if "mouth" in f]
        self.stats = probe["stats"]
        self.heard: Heard = heard_sound(probe["sound"])
        self.reader = LipReader(subject.pipeline, subject.mouth, self.heard)
        self.lips = self.reader.received(self.frames)
        self.expected = self.reader.expected()


@pytest.fixture(scope="module")
def recording(speaking_browser: Any, address: str, subject: Subject) -> Recording:
    page = probed_page(speaking_browser)
    page.goto(address)
    page.evaluate(
        "(mouth) => Object.assign(window.__probe, { mouth, wantSound: true })", list(subject.mouth)
    )
    page.locator("#start:enabled").click()
    page.locator("#connection[data-state=live]").wait_for()
    page.wait_for_timeout(SECONDS * 1000)
    probe = page.evaluate("(({ frames, sound, stats }) => ({ frames, sound, stats }))(__probe)")
    page.context.close()
    _skip_where_starved(address)
    return Recording(probe, subject)


def _skip_where_starved(address: str) -> None:
    """Others' work on this machine can take the time to draw away; that says nothing of the lips.
    Both must be seen: pictures too late, and more than twice as many busy processes as cores."""
    with urllib.request.urlopen(f"{address}metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    counts = dict(line.split() for line in lines if not line.startswith("#"))
    sent, repeated, late = (
        float(counts[f"avatar_engine_{name}_total"]) for name in ("sent", "repeated", "late")
    )
    load = os.getloadavg()[0]
    if repeated + late > 0.05 * sent and load > 2 * (os.cpu_count() or 1):
        pytest.skip(f"did not run: load {load:.1f}, {(repeated + late) / sent:.0%} pictures late")


def test_the_lips_say_what_is_heard_when_it_is_heard(recording: Recording) -> None:
    found = agreement(recording.lips, recording.expected)
    assert found.holds, found


def test_the_lips_rest_in_silence(recording: Recording) -> None:
    assert share_at_rest(recording.lips, recording.heard) >= 0.95


def test_the_same_check_finds_out_a_jaw_driven_by_loudness(recording: Recording) -> None:
    found = agreement(loudness(recording.heard), recording.expected)
    assert not found.holds, found


def test_the_same_check_finds_out_shuffled_sound(recording: Recording) -> None:
    other = recording.reader.expected(shuffled(recording.heard))
    found = agreement(recording.lips, other)
    assert not found.holds, found


def test_the_same_check_finds_out_lips_that_are_late(recording: Recording) -> None:
    times, opening = recording.lips
    found = agreement((times + 200.0, opening), recording.expected)
    assert not found.holds, found


def test_the_same_check_finds_out_lips_that_never_rest(recording: Recording) -> None:
    times, opening = recording.lips
    quiver = np.abs(opening).max() * 0.3 * np.sin(times / 90)
    assert share_at_rest((times, opening + quiver), recording.heard) < 0.95


def test_pictures_arrive_at_their_pace_in_h264(recording: Recording) -> None:
    first, last = recording.stats[2], recording.stats[-1]
    seconds = (last["at"] - first["at"]) / 1000
    fps = (last["v"]["framesDecoded"] - first["v"]["framesDecoded"]) / seconds
    assert 23.5 <= fps <= 26.5
    assert last["codec"] == "video/H264"
    assert last["v"]["keyFramesDecoded"] <= 2


def test_a_check_that_holds_is_an_exact_thing() -> None:
    assert Agreement(0.95, 0.0).holds
    assert not replace(Agreement(0.95, 0.0), r=0.89).holds
    assert not replace(Agreement(0.95, 0.0), lag_ms=-110.0).holds
