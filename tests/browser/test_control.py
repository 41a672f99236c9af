"""The face steered from the page: by mouse, by keys, and what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from engine.motion import ARKIT, Motion
from tests.browser.conftest import Subject

pytestmark = [pytest.mark.browser, pytest.mark.realtime]

STEER = Path(__file__).with_name("steer.js")
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def script() -> Path:
    """What the page has besides."""
    return STEER


def shares(subject: Subject, box: tuple[int, int, int, int]) -> list[float]:
    """A box in pixels as shares of the picture's sides."""
    height, width = subject.pipeline.draw(Motion()).shape[:2]
    x0, y0, x1, y1 = box
    return [x0 / width, y0 / height, x1 / width, y1 / height]


def silent_call(page: Page) -> None:
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#connection")).to_have_text("Live", timeout=30_000)
    page.get_by_role("button", name="Mute").click()
    page.wait_for_timeout(1500)


def value(page: Page, name: str) -> float:
    return float(page.locator(f"#control-{name}").input_value())


def test_a_slider_moves_the_mouth_in_the_video(page: Page, subject: Subject) -> None:
    silent_call(page)
    mouth = shares(subject, subject.mouth)
    slide = """() => {
        const slider = document.getElementById("control-smile");
        slider.value = %s;
        slider.dispatchEvent(new Event("input"));
    }"""
    smiled = page.evaluate(f"part => watched(part, 12, {slide % 1})", mouth)
    assert smiled["after"] > max(2.5, 3 * smiled["before"]), smiled
    back = page.evaluate(f"part => watched(part, 12, {slide % 0})", mouth)
    assert back["after"] == pytest.approx(smiled["after"], rel=0.5), "and back again"


def test_keys_steer_and_leave_typing_alone(page: Page) -> None:
    page.locator("body").click(position={"x": 5, "y": 5})
    for _ in range(3):
        page.keyboard.press("s")
    page.keyboard.press("Shift+W")
    assert value(page, "smile") == pytest.approx(0.3)
    assert value(page, "brow") == pytest.approx(-0.1)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    pad = page.get_by_role("slider", name="Gaze")
    expect(pad).to_have_attribute("aria-valuetext", "25 % right, 25 % up")
    page.keyboard.press("g")
    expect(pad).to_have_attribute("aria-valuetext", "free")
    page.keyboard.press("4")
    assert value(page, "smile") == pytest.approx(0.65)
    expect(page.get_by_role("button", name="Smiling")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("0")
    assert value(page, "smile") == 0
    page.locator("#microphone").evaluate(
        "e => { const text = document.createElement('input'); text.id = 'typing'; e.after(text); }"
    )
    page.locator("#typing").evaluate("e => e.dispatchEvent(new KeyboardEvent('keydown',"
                                     " {key: 's', bubbles: true}))")  # fmt: skip
    assert value(page, "smile") == 0
    page.locator("summary", has_text="Keys").click()
    page.get_by_text("Use these keys anywhere").click()
    page.locator("body").click(position={"x": 5, "y": 5})
    page.keyboard.press("s")
    assert value(page, "smile") == 0, "turned off"


def test_values_set_before_a_call_hold_in_it_and_a_double_click_lets_go(
    page: Page, address: str, ask: Any
) -> None:
    page.get_by_role("button", name="Serious").click()
    with page.expect_response("**/sessions?avatar=*") as opened:
        page.get_by_role("button", name="Start").click()
    expect(page.locator("#connection")).to_have_text("Live", timeout=30_000)
    location = opened.value.headers["location"]
    for _ in range(100):
        if ask(f"{address.rstrip('/')}{location}")["counts"]["control_taken"]:
            break
        page.wait_for_timeout(100)
    assert ask(f"{address.rstrip('/')}{location}")["counts"]["control_taken"] >= 1
    page.locator("#control-smile").dblclick()
    assert value(page, "smile") == 0


def test_the_motion_of_every_picture_arrives_with_its_time(page: Page, subject: Subject) -> None:
    found = page.evaluate("avatar => followed(avatar, 3)", subject.name)
    told = found["told"]
    assert len(told) > 20
    assert all(step % 640 == 0 for step in np.diff([t["pts"] for t in told]))
    assert all(len(t["face"]) == 52 and len(t["head"]) == 3 for t in told)
    assert max(t["face"][ARKIT.index("jawOpen")] for t in told) > 0.05, "the microphone speaks"
    known = [t for t in told if t["rtp"] is not None]
    assert len({t["rtp"] * 8 - t["pts"] * 45 for t in known}) == 1, "one time for both"
    # A busy machine shows only some of the pictures and tells only some of the motions.
    assert len(set(found["shown"]) & {t["rtp"] for t in known}) > 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "size"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_the_panel_fits_its_window(
    page: Page, shots: Path, scheme: str, name: str, size: dict[str, int]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    panel = page.locator("#control")
    for control in panel.locator("input[type=range], .control-pad, button").all():
        if control.is_visible():
            box = control.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= size["width"]
            assert box["height"] >= 30, "large enough for a finger"
    for slider in panel.get_by_role("slider").all():
        assert slider.evaluate("e => e.labels?.length || e.getAttribute('aria-label')")
    panel.screenshot(path=shots / f"control-{name}-{scheme}.png")
