"""The page, used as people use it: with a mouse, with a keyboard, and when things go wrong."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.chromium import FLAGS, executable, server

pytestmark = [pytest.mark.browser, pytest.mark.realtime]

DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module", autouse=True)
def _patience() -> Iterator[None]:
    expect.set_options(timeout=10_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def page(speaking_browser: Browser, address: str) -> Iterator[Page]:
    """A page under its own security policy; any error on its console fails the test."""
    context = speaking_browser.new_context(viewport=DESKTOP, permissions=["microphone"])
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
    page.goto(address)
    expect(page.locator("#start")).to_be_enabled()
    yield page
    context.close()
    assert errors == []


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
    page.get_by_text("I wear headphones").click()
    assert not face.evaluate("video => video.muted")
    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Stop").click()
    connection(page).to_have_text("Not connected")
    expect(face).to_be_hidden()
    expect(page.get_by_role("button", name="Mute")).to_be_disabled()
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
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    connection(page).to_have_text("Not connected")


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


def test_another_face_in_the_middle_of_a_call(page: Page, address: str, ask: Any) -> None:
    page.get_by_role("button", name="Start").click()
    connection(page).to_have_text("Live")
    page.locator(".card").last.click()
    connection(page).to_have_text("Live")
    expect(page.locator("#face")).to_be_visible()
    chosen = page.locator(".card input:checked").get_attribute("value")
    assert chosen == page.locator(".card input").last.get_attribute("value")
    page.wait_for_timeout(300)
    assert ask(f"{address}healthz")["sessions"] == 1


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


def test_a_photo_becomes_a_face(page: Page, tmp_path: Path) -> None:
    photo = tmp_path / "Grace Hopper.jpg"
    photo.write_bytes(b"\xff\xd8 a photo")
    make = page.get_by_role("button", name="Make avatar")
    expect(make).to_be_disabled()
    page.locator("#photo").set_input_files(photo)
    expect(page.locator("#avatar-name")).to_have_value("Grace Hopper")
    expect(make).to_be_disabled()
    page.get_by_text("I have this person’s permission").click()
    make.click()
    expect(page.locator("#progress-text")).to_contain_text("reading the photo")
    expect(page.locator("#progress-text")).to_have_text("Ready")
    expect(page.locator(".card input:checked")).to_have_value("grace-hopper")


def test_a_photo_without_a_face_says_so(page: Page, tmp_path: Path) -> None:
    photo = tmp_path / "wall.png"
    photo.write_bytes(b"nobody")
    page.locator("#photo").set_input_files(photo)
    page.get_by_text("I have this person’s permission").click()
    page.get_by_role("button", name="Make avatar").click()
    expect(page.locator("#create-trouble")).to_contain_text("no face was found")
    expect(page.get_by_role("button", name="Make avatar")).to_be_enabled()


def test_what_is_no_photo_is_not_uploaded(page: Page, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("not a photo")
    page.locator("#photo").set_input_files(other)
    expect(page.locator("#create-trouble")).to_contain_text("not a photo")


def test_a_blocked_microphone_is_explained(playwright: Playwright, address: str) -> None:
    flags = [flag for flag in FLAGS if "fake-ui" not in flag]
    browser = playwright.chromium.launch(executable_path=executable(), args=flags)
    page = browser.new_page()
    page.goto(address)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#trouble")).to_contain_text("microphone is blocked")
    connection(page).to_have_text("Not connected")
    browser.close()


def test_a_full_server_says_so(speaking_browser: Browser, address: str) -> None:
    pages = [speaking_browser.new_page() for _ in range(3)]
    for page in pages:
        page.goto(address)
        page.get_by_role("button", name="Start").click()
        expect(
            page.locator("#connection, #trouble").filter(has_text=re.compile("Live|taken"))
        ).to_have_count(1)
    expect(pages[2].locator("#trouble")).to_contain_text("all 2 places are taken")
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


def test_a_server_that_went_away_is_said_and_the_page_can_start_again(
    speaking_browser: Browser,
) -> None:
    page = speaking_browser.new_page()
    with server("synthetic") as (address, process):
        page.goto(address)
        page.get_by_role("button", name="Start").click()
        connection(page).to_have_text("Live")
        process.terminate()
        process.wait(5)
        connection(page).to_have_text("Not connected")
        expect(page.locator("#trouble")).to_contain_text("server")
        page.get_by_role("button", name="Start").click()
        expect(page.locator("#trouble")).to_contain_text("does not answer")
    page.close()


def test_an_empty_gallery_and_one_that_can_not_be_read(
    speaking_browser: Browser, address: str
) -> None:
    page = speaking_browser.new_page()
    nothing = {"avatars": [], "can_make": False, "qualities": []}
    page.route("**/avatars", lambda route: route.fulfill(json=nothing))
    page.goto(address)
    expect(page.locator("#unable")).to_contain_text("pip install")
    expect(page.locator("#make")).to_be_hidden()
    expect(page.locator(".gallery .note")).to_contain_text("no faces yet")
    expect(page.locator("#start")).to_be_disabled()
    page.unroute("**/avatars")
    page.route("**/avatars", lambda route: route.abort())
    page.reload()
    expect(page.locator(".gallery .note")).to_contain_text("does not answer")
    page.unroute("**/avatars")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#start")).to_be_enabled()
    page.close()
