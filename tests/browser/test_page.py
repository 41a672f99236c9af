"""The page, used as people use it: with a mouse, with a keyboard, and when things go wrong."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.chromium import FLAGS, executable, server

pytestmark = [pytest.mark.browser, pytest.mark.realtime]

DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}


def connection(page: Page) -> Any:
    return expect(page.locator("#connection"))


def test_from_start_to_stop(page: Page, address: str, ask: Callable[[str], Any]) -> None:
    expect(page).to_have_title("Avatar Engine")
    expect(page.locator("#preview")).to_be_visible()
    page.get_by_role("button", name="Start").click()
    connection(page).to_have_text("Live")
    face = page.locator("#face")
    expect(face).to_be_visible()
    expect(page.locator("#fps")).to_have_text(re.compile(r"^2[3-7]$"))
    expect(page.locator("#delay")).to_have_text(re.compile(r"^\d{2,3} ms$"))
    assert face.evaluate("video => video.muted"), "one's own late voice is off"
    page.get_by_role("button", name="Sound").click()
    page.get_by_text("I wear headphones").click()
    assert not face.evaluate("video => video.muted")
    page.keyboard.press("Escape")
    expect(page.locator("#sound")).to_be_hidden()
    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Stop").click()
    connection(page).to_have_text("Not connected")
    expect(face).to_be_hidden()
    expect(page.get_by_role("button", name="Mute")).to_be_disabled()
    for _ in range(20):
        if ask(f"{address}healthz")["sessions"] == 0:
            break
        page.wait_for_timeout(100)
    assert ask(f"{address}healthz")["sessions"] == 0


def test_the_face_has_the_colours_of_its_preview(page: Page) -> None:
    page.get_by_role("button", name="Start").click()
    connection(page).to_have_text("Live")
    page.wait_for_timeout(1000)
    means = page.evaluate(
        """() => ["preview", "face"].map((id) => {
            const canvas = new OffscreenCanvas(64, 64), pen = canvas.getContext("2d");
            pen.drawImage(document.getElementById(id), 0, 0, 64, 64);
            const data = pen.getImageData(0, 0, 64, 64).data;
            return [0, 1, 2].map((c) => data.filter((_, i) => i % 4 === c)
                .reduce((sum, v) => sum + v, 0) / 4096);
        })"""
    )
    for expected, got in zip(*means, strict=True):
        assert abs(expected - got) < 5, means


def test_with_the_keyboard_alone(page: Page) -> None:
    page.locator("body").click(position={"x": 5, "y": 5})
    for _ in range(3):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "start":
            break
    page.keyboard.press("Enter")
    connection(page).to_have_text("Live")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    connection(page).to_have_text("Not connected")
    page.locator(".card input:checked").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".card input").nth(1)).to_be_checked()


def test_every_control_has_a_name_and_can_be_reached(page: Page) -> None:
    for control in page.locator("button, input, select").all():
        name = control.evaluate(
            "e => e.textContent.trim() || e.getAttribute('aria-label') ||"
            " [...(e.labels ?? [])].map(l => l.textContent.trim()).join(' ')"
        )
        assert name, control.evaluate("e => e.outerHTML")
    assert page.locator("h1").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("[role=status], [role=alert]").count() >= 3


def test_another_face_in_the_middle_of_a_call_without_a_new_connection(
    page: Page, address: str, ask: Any
) -> None:
    """The picture changes its size as well: the synthetic avatar has another one."""
    page.get_by_role("button", name="Start").click()
    connection(page).to_have_text("Live")
    states: list[str] = []
    page.expose_function("said", lambda state: states.append(state))
    page.evaluate(
        "new MutationObserver(() => said(document.getElementById('connection').dataset.state))"
        ".observe(document.getElementById('connection'), { attributeFilter: ['data-state'] })"
    )
    width = "video => video.videoWidth"
    before = page.locator("#face").evaluate(width)
    page.locator(".card").last.click()
    page.wait_for_function(
        f"before => ({width})(document.getElementById('face')) !== before", arg=before
    )
    chosen = page.locator(".card input:checked").get_attribute("value")
    assert chosen == page.locator(".card input").last.get_attribute("value")
    assert ask(f"{address}healthz")["sessions"] == 1
    assert set(states) <= {"live"}, "the connection stayed"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "size"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_fits_its_window(
    page: Page, shots: Path, scheme: str, name: str, size: dict[str, int]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    start = page.locator("#start").bounding_box()
    assert start is not None
    assert start["y"] + start["height"] <= size["height"], "Start is seen without scrolling"
    assert start["height"] >= 44, "large enough for a finger"
    page.screenshot(path=shots / f"{name}-{scheme}.png", full_page=True)


def test_a_blocked_microphone_is_explained(playwright: Playwright, address: str) -> None:
    flags = [flag for flag in FLAGS if "fake-ui" not in flag]
    browser = playwright.chromium.launch(executable_path=executable(), args=flags)
    page = browser.new_page()
    page.goto(address)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#trouble")).to_contain_text("microphone is blocked")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    connection(page).to_have_text("Not connected")
    browser.close()


def test_a_full_server_says_so(speaking_browser: Browser, address: str) -> None:
    pages = [speaking_browser.new_page() for _ in range(3)]
    for page in pages:
        page.goto(address)
        page.get_by_role("button", name="Start").click()
        expect(
            page.locator("#connection, #trouble").filter(has_text=re.compile("Live|are taken"))
        ).to_have_count(1)
    expect(pages[2].locator("#trouble")).to_contain_text("No free place")
    for page in pages:
        page.close()


def test_a_closed_tab_is_noticed_within_five_seconds(
    speaking_browser: Browser, address: str, ask: Callable[[str], Any]
) -> None:
    page = speaking_browser.new_page()
    page.goto(address)
    page.get_by_role("button", name="Start").click()
    connection(page).to_have_text("Live")
    page.close()
    watcher = speaking_browser.new_page()
    for _ in range(25):
        if ask(f"{address}healthz")["sessions"] == 0:
            break
        watcher.wait_for_timeout(200)
    watcher.close()
    assert ask(f"{address}healthz")["sessions"] == 0


def test_a_killed_browser_is_noticed_within_six_seconds(
    playwright: Playwright, speaking_browser: Browser, address: str, ask: Callable[[str], Any]
) -> None:
    """Nothing says goodbye; only the consent checks of ICE (RFC 7675) find out."""
    mark = "--the-one-to-be-killed"
    victim = playwright.chromium.launch(executable_path=executable(), args=[*FLAGS, mark])
    page = victim.new_page()
    page.goto(address)
    page.get_by_role("button", name="Start").click()
    connection(page).to_have_text("Live")
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "chrom" in process.name() and mark in process.cmdline():
                process.kill()
    watcher = speaking_browser.new_page()
    for _ in range(30):
        watcher.wait_for_timeout(200)
        if ask(f"{address}healthz")["sessions"] == 0:
            break
    watcher.close()
    assert ask(f"{address}healthz")["sessions"] == 0


def test_a_call_survives_a_server_that_comes_back(speaking_browser: Browser) -> None:
    page = speaking_browser.new_page()
    port = str(free_port())
    with server("synthetic", "--port", port) as (address, process):
        page.goto(address)
        page.get_by_role("button", name="Start").click()
        connection(page).to_have_text("Live")
        process.terminate()
        process.wait(5)
        connection(page).to_have_text("Reconnecting")
        expect(page.locator("#preview")).to_be_visible()  # the photo, not a black video
    with server("synthetic", "--port", port):
        connection(page).to_have_text("Live", timeout=20_000)
        expect(page.locator("#notice")).to_be_hidden()
    page.close()


def test_a_server_that_stays_away_is_said_and_looked_for(speaking_browser: Browser) -> None:
    page = speaking_browser.new_page()
    port = str(free_port())
    with server("synthetic", "--port", port) as (address, _):
        page.goto(address)
        expect(page.locator("#start")).to_be_enabled()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#trouble")).to_contain_text("server does not answer")
    connection(page).to_have_text("Not connected")
    with server("synthetic", "--port", port):
        expect(page.locator("#notice")).to_be_hidden()
        expect(page.locator("#start")).to_be_enabled()
    page.close()


def test_an_empty_gallery_and_one_that_can_not_be_read(
    speaking_browser: Browser, address: str
) -> None:
    page = speaking_browser.new_page()
    nothing = {"avatars": [], "can_make": False, "qualities": [], "can_import": True}
    page.route("**/avatars", lambda route: route.fulfill(json=nothing))
    page.goto(address)
    expect(page.locator("#trouble")).to_contain_text("No faces yet")
    expect(page.locator("#start")).to_be_disabled()
    page.get_by_role("button", name="Make a face").click()
    expect(page.locator("#unable")).to_contain_text("pip install")
    expect(page.locator("#drop")).to_be_visible()
    page.unroute("**/avatars")
    page.route("**/avatars", lambda route: route.fulfill(json=nothing | {"can_import": False}))
    page.reload()
    expect(page.locator("#trouble")).to_contain_text("can’t make any")
    expect(page.locator("#notice-action")).to_be_hidden()
    expect(page.locator("#new")).to_be_hidden()
    page.unroute("**/avatars")
    page.route("**/avatars", lambda route: route.abort())
    page.reload()
    expect(page.locator("#trouble")).to_contain_text("does not answer")
    page.unroute("**/avatars")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#start")).to_be_enabled()
    page.close()


def test_a_page_without_https_says_what_it_needs(speaking_browser: Browser, address: str) -> None:
    page = speaking_browser.new_page()
    page.add_init_script("delete Navigator.prototype.mediaDevices")
    page.goto(address)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#trouble")).to_contain_text("needs https")
    expect(page.locator("#start")).to_be_disabled()
    page.close()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        return int(taken.getsockname()[1])
