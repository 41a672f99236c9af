"""One Chromium with a speaking microphone, and the server with the first avatar there is."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.audio import decode
from engine.avatar import Avatar, builtin_avatars, find_avatar
from engine.pipeline import Pipeline
from engine.speech import SpeechModel
from tests.server.synthetic import MOUTH, SyntheticPipeline

SENTENCES = (
    "My mother bought a big blue boat.",
    "Please keep the small pump above the bed.",
    "We saw five happy wolves above the mill.",
)
PAUSE_S = 0.9


@dataclass(frozen=True)
class Subject:
    """The avatar under test, with a pipeline of its own that stands still but for the lips."""

    name: str
    pipeline: Any
    mouth: tuple[int, int, int, int]


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest) -> Subject:
    """The avatar asked for, the first built-in one, or the synthetic one where none is built in."""
    asked = request.config.getoption("--avatar") or next(iter(builtin_avatars()), None)
    if asked is not None:
        avatar = Avatar.load(find_avatar(asked))
        pipeline = Pipeline(avatar, SpeechModel.load(), liveliness=0.0)
        x0, y0, x1, y1 = (int(v) for v in avatar.manifest["frame"]["mouth"])
        return Subject(asked, pipeline, (x0, y0, x1, y1))
    return Subject("synthetic", SyntheticPipeline(), MOUTH)


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
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def speaking_browser(
    playwright: Any, tmp_path_factory: pytest.TempPathFactory, speech: Any
) -> Iterator[Any]:
    """A Chromium whose microphone says ``speech`` over and over."""
    from tests.browser.chromium import launch, write_wav

    sound = tmp_path_factory.mktemp("microphone") / "speech.wav"
    write_wav(sound, speech, 48000)
    browser = launch(playwright, sound)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def address(subject: Subject) -> Iterator[str]:
    """A server with the subject and the synthetic avatar, and room for two."""
    from tests.browser.chromium import server

    names = dict.fromkeys([subject.name, "synthetic"])
    with server(*names, "--max-sessions", "2") as (url, _):
        yield url


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
