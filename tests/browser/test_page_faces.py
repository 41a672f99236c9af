"""Making, keeping and recording faces in the page, as people do it."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from engine.avatar import Avatar
from export.video_reading import read_video
from tests import photos

pytestmark = [pytest.mark.browser, pytest.mark.realtime]

WIDE = 20_000  # ms, for what goes on in processes of its own


def photo(says: bytes = b"") -> dict[str, Any]:
    """A picture that a browser can show; the played export and check read what is behind it."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(photos.builtin("clara")).resize((160, 160)).save(file, "JPEG")
    return {"name": "grace-hopper.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue() + says}


def choose(page: Page, says: bytes = b"") -> None:
    page.get_by_role("button", name="New face").click()
    page.locator("#photo").set_input_files(files=[photo(says)])


def make(page: Page, quality: str = "Quick") -> None:
    page.locator("#qualities").get_by_text(quality, exact=True).click()
    page.get_by_text("I have this person’s permission").click()
    page.get_by_role("button", name="Make avatar").click()
    expect(page.locator("#create")).to_be_hidden()


def test_a_photo_is_looked_at_and_becomes_a_face_that_can_be_kept(
    page: Page, tmp_path: Path
) -> None:
    choose(page)
    ready = page.get_by_role("button", name="Make avatar")
    expect(page.locator(".verdict")).to_contain_text("This will work", timeout=WIDE)
    expect(page.locator("#check li").first).to_contain_text("Even light from the front")
    expect(page.locator("#check li").first).to_contain_text("take one in more light")
    expect(page.locator("#found")).to_be_visible()
    expect(page.locator("#avatar-name")).to_have_value("Grace hopper")
    expect(ready).to_be_disabled()
    make(page)
    expect(page.locator(".card input:checked")).to_have_value("grace-hopper", timeout=WIDE)
    expect(page.locator("#toasts")).to_contain_text("Grace hopper is ready")
    expect(page.locator(".job")).to_have_count(0)

    page.get_by_role("button", name="Rename").click()
    page.locator("#new-title").fill("  ")
    page.locator("#rename-dialog").get_by_role("button", name="Rename").click()
    expect(page.locator("#rename-trouble")).to_contain_text("empty")
    page.locator("#new-title").fill("Grace")
    page.locator("#rename-dialog").get_by_role("button", name="Rename").click()
    expect(page.locator("#manage-title")).to_have_text("Grace")
    expect(page.locator(".card").last).to_have_text("Grace")

    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    kept = tmp_path / download.value.suggested_filename
    download.value.save_as(kept)
    assert kept.name == "grace-hopper.avatar"
    assert Avatar.load(kept).title == "Grace"

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Keep").click()
    expect(page.locator(".card").last).to_have_text("Grace")
    page.get_by_role("button", name="Delete").click()
    page.locator("#remove-dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#gallery")).not_to_contain_text("Grace")
    expect(page.locator("#rename")).to_be_hidden()

    page.get_by_role("button", name="New face").click()
    page.locator("#photo").set_input_files(kept)
    expect(page.locator("#taken-name")).to_have_text("grace-hopper.avatar")
    page.get_by_text("I have this person’s permission").click()
    page.get_by_role("button", name="Add avatar").click()
    expect(page.locator("#manage-title")).to_have_text("Grace", timeout=WIDE)
    expect(page.locator(".card input:checked")).to_have_value("grace")


def test_a_better_face_takes_over_while_one_talks_and_after_a_reload(page: Page) -> None:
    choose(page, b"talks")
    page.locator("#avatar-name").fill("Better")
    make(page, "Best")
    job = page.locator(".job")
    expect(job).to_contain_text("Ready to talk. Making it better", timeout=WIDE)
    expect(page.locator(".card input:checked")).to_have_value("better")
    changes: list[str] = []
    page.on("request", lambda r: changes.append(r.url) if r.method == "PATCH" else None)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator("#toasts")).to_contain_text("Better is ready.", timeout=WIDE)
    expect(page.locator("#connection")).to_have_text("Live")
    assert any("/sessions/" in url for url in changes), "the live session was given the better one"
    page.get_by_role("button", name="Stop").click()

    choose(page, b"slow")
    page.locator("#avatar-name").fill("Slow")
    make(page, "Best")
    expect(job.last).to_contain_text("Making it better", timeout=WIDE)
    page.reload()
    expect(job).to_contain_text("Making it better", timeout=WIDE)
    job.get_by_role("button", name="Cancel").click()
    expect(job).to_have_count(0)
    expect(page.locator("#gallery")).to_contain_text("Slow")


def test_a_photo_that_will_not_do_is_not_made_and_files_of_other_kinds_are_not_uploaded(
    page: Page, tmp_path: Path
) -> None:
    choose(page, b"nobody")
    expect(page.locator(".verdict")).to_contain_text("This one won’t work", timeout=WIDE)
    page.get_by_text("I have this person’s permission").click()
    expect(page.get_by_role("button", name="Make avatar")).to_be_disabled()
    page.get_by_role("button", name="Choose another").click()
    other = tmp_path / "notes.txt"
    other.write_text("not a photo")
    page.locator("#photo").set_input_files(other)
    expect(page.locator("#create-trouble")).to_contain_text("not a photo, video or avatar")
    page.keyboard.press("Escape")
    expect(page.locator("#create")).to_be_hidden()


def test_an_export_that_fails_says_why(page: Page) -> None:
    page.route("**/checks", lambda route: route.fulfill(status=503, json={"detail": "too busy"}))
    choose(page, b"nobody")
    expect(page.locator(".verdict")).to_contain_text("too busy")
    make(page)
    expect(page.locator(".job.failed")).to_contain_text("No face was found", timeout=WIDE)
    page.locator(".job").get_by_role("button", name="Close").click()
    expect(page.locator(".job")).to_have_count(0)


def test_pasted_and_dropped_pictures_open_the_dialog(page: Page) -> None:
    for kind in ("paste", "drop"):
        page.evaluate(
            """async ([kind, bytes]) => {
                const file = new File([new Uint8Array(bytes)], "image.png", { type: "image/jpeg" });
                const transfer = new DataTransfer();
                transfer.items.add(file);
                const given = { bubbles: true, clipboardData: transfer, dataTransfer: transfer };
                const event = kind === "paste" ? new ClipboardEvent(kind, given)
                    : new DragEvent(kind, given);
                document.body.dispatchEvent(event);
            }""",
            [kind, list(photo()["buffer"])],
        )
        expect(page.locator("#taken-photo")).to_be_visible()
        expect(page.locator("#avatar-name")).to_have_value("")
        page.keyboard.press("Escape")


def uploaded(page: Page, path: str) -> Any:
    """The next request to an address, answered with a good check."""
    seen: list[Any] = []
    good = {"kind": "photo", "usable": True, "face": None, "items": []}

    def answer(route: Any) -> None:
        seen.append(route.request)
        route.fulfill(json=good)

    page.route(path, answer)
    return seen


def test_a_photo_from_the_camera(page: Page) -> None:
    seen = uploaded(page, "**/checks")
    page.get_by_role("button", name="New face").click()
    page.locator("#sources").get_by_text("Camera").click()
    page.get_by_role("button", name="Take photo").click()
    expect(page.locator("#countdown")).to_have_text("2")
    expect(page.locator("#taken-photo")).to_be_visible()
    expect(page.locator(".verdict")).to_contain_text("Looks great")
    assert page.locator("#viewfinder").evaluate("video => video.srcObject") is None, "camera off"
    assert seen[0].headers["content-type"] == "image/jpeg"
    size = page.locator("#taken-photo").evaluate("i => [i.naturalWidth, i.naturalHeight]")
    assert size[0] == size[1] >= 288
    page.get_by_role("button", name="Take another").click()
    expect(page.get_by_role("button", name="Take photo")).to_be_enabled()


def test_a_clip_from_the_camera_is_one_that_export_reads(page: Page, tmp_path: Path) -> None:
    seen = uploaded(page, "**/checks")
    page.clock.install()
    page.get_by_role("button", name="New face").click()
    page.locator("#sources").get_by_text("Clip").click()
    page.get_by_role("button", name="Start filming").click()
    page.clock.run_for(2800)
    expect(page.locator("#prompt")).to_contain_text("Lips closed")
    page.clock.resume()
    expect(page.locator("#prompt")).to_contain_text("Read aloud", timeout=WIDE)
    page.clock.run_for(8000)
    page.get_by_role("button", name="Done").click()
    expect(page.locator("#taken-video")).to_be_visible()
    page.wait_for_function("document.getElementById('taken-video').videoWidth > 0")
    path = tmp_path / f"clip.{seen[0].headers['content-type'].split('/')[1]}"
    path.write_bytes(seen[0].post_data_buffer)
    frames = list(read_video([path]))
    assert len(frames) > 20
    assert frames[-1].seconds > 1


def test_a_session_is_recorded_with_its_voice(page: Page, tmp_path: Path) -> None:
    expect(page.get_by_role("button", name="Record")).to_be_disabled()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#connection")).to_have_text("Live")
    page.get_by_role("button", name="Record").click()
    expect(page.locator("#timer")).to_have_text("0:03")
    with page.expect_download() as download:
        page.get_by_role("button", name="Stop recording").click()
    name = download.value.suggested_filename
    assert re.fullmatch(r"\S+ \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\.(mp4|webm)", name)
    download.value.save_as(tmp_path / name)
    expect(page.locator("#toasts")).to_contain_text(name)
    expect(page.locator("#timer")).to_be_hidden()
    with av.open(str(tmp_path / name)) as file:
        pictures = [f.to_ndarray(format="gray") for f in file.decode(video=0)]
    with av.open(str(tmp_path / name)) as file:
        sound = np.concatenate([f.to_ndarray().ravel() for f in file.decode(audio=0)])
    assert len(pictures) > 25
    assert np.abs(np.diff([p.mean() for p in pictures])).max() < 30, "no garbage between them"
    assert np.abs(sound.astype(float)).max() > 0.05 * (1 if sound.dtype.kind == "f" else 32768)


@pytest.mark.export
def test_the_real_check_and_the_real_export(speaking_browser: Any, tmp_path: Path) -> None:
    """Nothing is played here: mediapipe looks at the photo, `engine export` makes the face."""
    from tests.browser.chromium import server

    picture = tmp_path / "clara.png"
    from PIL import Image

    Image.fromarray(photos.builtin("clara")).save(picture)
    page = speaking_browser.new_page()
    with server("synthetic", "--real") as (address, _):
        page.goto(address)
        page.get_by_role("button", name="New face").click()
        page.locator("#photo").set_input_files(picture)
        expect(page.locator(".verdict")).to_contain_text("Looks great", timeout=60_000)
        expect(page.locator("#check li")).to_have_count(10)
        make(page)
        expect(page.locator(".card input:checked")).to_have_value("clara", timeout=60_000)
        expect(page.locator("#toasts")).to_contain_text("Clara is ready")
    page.close()
