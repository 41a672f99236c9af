"""One Chromium with a speaking microphone, and the server with the first avatar there is."""

from __future__ import annotations

import json
import subprocess
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.audio import decode
from engine.avatar import Avatar, builtin_avatars, find_avatar
from engine.motion import Motion
from engine.pipeline import Pipeline
from engine.speech import SpeechModel
from tests.server.synthetic import MOUTH, SyntheticPipeline

SENTENCES = (
    "My mother bought a big blue boat.",
    "Please keep the small pump above the bed.",
    "We saw five happy wolves above the mill.",
)
PAUSE_S = 0.9
MOST_DRAWING_MS = 22.0


@dataclass(frozen=True)
class Subject:
    """The avatar under test, with a pipeline of its own that stands still but for the lips."""

    name: str
    pipeline: Any
    mouth: tuple[int, int, int, int]


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest) -> Subject:
    """The avatar asked for, or the first built-in one; the synthetic one where none is built in or
    where a real one can not be drawn beside a browser."""
    wanted = request.config.getoption("--avatar")
    asked = wanted or next(iter(builtin_avatars()), None)
    if asked is not None:
        avatar = Avatar.load(find_avatar(asked))
        pipeline = Pipeline(avatar, SpeechModel.load(), liveliness=0.0)
        takes_ms = _drawing_takes_ms(pipeline)
        if wanted or takes_ms < MOST_DRAWING_MS:
            x0, y0, x1, y1 = (int(v) for v in avatar.manifest["frame"]["mouth"])
            return Subject(asked, pipeline, (x0, y0, x1, y1))
        warnings.warn(
            f"a picture of {asked} takes {takes_ms:.0f} ms of processor time here, too much for "
            "two live faces beside a browser: these tests run on the synthetic face",
            stacklevel=1,
        )
    return Subject("synthetic", SyntheticPipeline(), MOUTH)


def _drawing_takes_ms(pipeline: Pipeline) -> float:
    """Processor time of one picture, the median of some, once warm."""
    spent = []
    for _ in range(12):
        began = process_time()
        pipeline.draw(Motion())
        spent.append((process_time() - began) * 1000)
    return float(np.median(spent))


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.float64]:
    """Sentences of espeak-ng with pauses between them, 48 kHz."""
    folder = tmp_path_factory.mktemp("speech")
    parts = []
    for number, text in enumerate(SENTENCES):
        path = folder / f"{number}.wav"
        subprocess.run(["espeak-ng", "-s", "150", "-w", path, text], check=True)
        at_16k = np.concatenate(list(decode(path))).astype(np.float64)
        times = np.arange(len(at_16k) * 3) / 3
        parts += [0.8 * np.interp(times, np.arange(len(at_16k)), at_16k)]
        parts += [np.zeros(round(PAUSE_S * 48000))]
    return np.concatenate(parts)


@pytest.fixture(scope="package")
def playwright() -> Iterator[Any]:
    """Ends with this folder: while it lives its event loop runs, and no other one can."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=15_000)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def speaking_browser(
    playwright: Any, tmp_path_factory: pytest.TempPathFactory, speech: Any, camera: Path
) -> Iterator[Any]:
    """A Chromium whose microphone says ``speech`` over and over, and whose camera sees a face."""
    from tests.browser.chromium import launch, write_wav

    sound = tmp_path_factory.mktemp("microphone") / "speech.wav"
    write_wav(sound, speech, 48000)
    browser = launch(playwright, sound, camera)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a webcam sees: a built-in avatar that talks, in the middle of a wide picture (MJPEG)."""
    from tests import videos

    path = tmp_path_factory.mktemp("camera") / "talk.mjpeg"
    with path.open("wb") as file:
        for image in videos.talking(75):
            wide = np.full((288, 384, 3), (100, 110, 120), np.uint8)
            wide[:, 48:336] = image[..., ::-1]
            file.write(cv2.imencode(".jpg", wide, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())
    return path


@pytest.fixture(scope="module")
def address(subject: Subject) -> Iterator[str]:
    """A server with the subject first, the synthetic avatar, and room for two."""
    from tests.browser.chromium import server

    names = dict.fromkeys([subject.name, "synthetic", *list(builtin_avatars())[:1]])
    with server(*names, "--max-sessions", "2") as (url, _):
        yield url


@pytest.fixture
def script() -> Path | None:
    """A script that the page has besides its own; modules of tests bring theirs."""
    return None


@pytest.fixture
def page(speaking_browser: Any, address: str, script: Path | None) -> Iterator[Any]:
    """The page under its own security policy; any error on its console fails the test."""
    from playwright.sync_api import expect

    context = speaking_browser.new_context(
        viewport={"width": 1280, "height": 860}, permissions=["microphone", "camera"]
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def heard(message: Any) -> None:
        refused = "Failed to load resource" in message.text  # an answer that the page deals with
        if message.type in ("error", "warning") and not refused:
            errors.append(message.text)

    page.on("console", heard)
    if script is not None:
        page.add_init_script(path=script)
    page.goto(address)
    expect(page.locator("#start")).to_be_enabled(timeout=60_000)
    yield page
    context.close()
    assert errors == []


@pytest.fixture(scope="session")
def ask() -> Callable[[str], Any]:
    """GET JSON."""

    def get(url: str) -> Any:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)

    return get


@pytest.fixture(scope="session")
def shots() -> Path:
    """Where screenshots are kept to be looked at (git-ignored)."""
    folder = Path(__file__).parents[2] / "out" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
