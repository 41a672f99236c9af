"""``engine preview`` from its settings to its end."""

from __future__ import annotations

import tkinter as tk
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from engine.clock import Clock, MonotonicClock
from engine.errors import BadDevice, BadInput, MissingExtra
from engine.preview import app, wardrobe
from engine.preview.app import Settings, device_list, preview, size
from engine.preview.devices import SoundCards
from tests.engine.preview.cards import CABLE, MICROPHONE, Cards, RecordingCamera
from tests.sounds import encoded, speech


class Case:
    """Settings, and what the devices were told."""

    def __init__(self, bundle: Path, folder: Path) -> None:
        self.cards, self.said = Cards(), []
        self.cameras: list[RecordingCamera] = []
        self.stop = Event()
        sound = encoded(folder / "in.wav", speech(0.6, 16_000), 16_000, "pcm_s16le")
        self.settings = Settings(avatars=(str(bundle),), camera="", file=sound, headless=True)

    def camera(self, width: int, height: int, device: str | None) -> RecordingCamera:
        self.cameras.append(RecordingCamera(MonotonicClock()))
        return self.cameras[-1]

    def run(self, **changes: object) -> None:
        preview(
            replace(self.settings, **changes),  # type: ignore[arg-type]
            self.said.append, None, lambda clock: self.cards, self.camera, self.stop,
        )  # fmt: skip


@pytest.fixture
def case(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setattr(wardrobe, "builtin_avatars", dict)  # they are not worn here
    return Case(bundle, tmp_path)


def test_without_a_window_it_ends_with_the_file(case: Case) -> None:
    case.run(output="CABLE")
    (camera,) = case.cameras
    assert len(camera.sent) > 3, "25 a second on a machine that has time"
    assert camera.sent[0][1].shape == (128, 128, 3)
    assert camera.closed
    assert any("fps" in line for line in case.said)
    assert [s.device for s in case.cards.open] == [CABLE]
    assert case.cards.open[0].closed


def test_with_a_microphone_it_runs_until_it_is_stopped(case: Case) -> None:
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        case.stop.set()

    preview(
        replace(case.settings, file=None),
        say,
        None,
        lambda clock: case.cards,
        case.camera,
        case.stop,
    )
    assert len(said) == 1
    assert case.cards.open[0].device == MICROPHONE


def test_a_window_is_opened_and_all_is_closed_behind_it(
    case: Case, display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.preview import window

    run = window.Window.run

    def shortly(self: window.Window) -> None:
        self._root.after(700, self._root.quit)
        run(self)

    monkeypatch.setattr(window.Window, "run", shortly)
    case.run(headless=False)
    assert len(case.cameras[0].sent) > 3
    assert case.cameras[0].closed
    assert tk._default_root is None  # type: ignore[attr-defined]


def test_headless_without_anything_to_send_to_is_refused(case: Case) -> None:
    with pytest.raises(BadInput, match="--headless without --virtual-camera"):
        case.run(camera=None)
    assert not case.cameras


def test_what_was_named_must_be_there(case: Case) -> None:
    for changes, words in (
        ({"output": "Bluetooth"}, "no outputs are called 'Bluetooth'"),
        ({"file": None, "microphone": "9"}, "no microphones are called '9'"),
        ({"avatars": ("ghost",)}, "ghost"),
        ({"file": Path("lost.wav")}, "lost.wav"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=words):
            case.run(**changes)
    assert all(camera.closed for camera in case.cameras)


def test_without_any_microphone_a_window_says_so_and_headless_is_refused(case: Case) -> None:
    case.cards.there = []
    with pytest.raises(BadDevice, match="no microphone was found"):
        case.run(file=None)
    cards, trouble = app._cards(
        replace(case.settings, file=None, headless=False),
        MonotonicClock(),
        lambda clock: case.cards,
    )
    assert cards is case.cards
    assert "no microphone was found" in trouble


def test_without_the_sound_library_a_file_still_plays(case: Case) -> None:
    def missing(clock: Clock) -> SoundCards:
        raise MissingExtra("sound", "preview")

    preview(case.settings, case.said.append, None, missing, case.camera, case.stop)
    assert len(case.cameras[0].sent) > 3
    with pytest.raises(MissingExtra):
        preview(replace(case.settings, file=None), print, None, missing, case.camera)
    cards, trouble = app._cards(
        replace(case.settings, file=None, headless=False), MonotonicClock(), missing
    )
    assert cards is None
    assert "pip install" in trouble


def test_a_camera_of_a_size_that_no_camera_has() -> None:
    assert size("1280x720") == (1280, 720)
    for words in ("1280", "1280x", "0x0", "1281x720", "axb", "99999x720", "-2x720", "1280x720x3"):
        with pytest.raises(BadInput, match="expected WIDTHxHEIGHT"):
            size(words)


def test_devices_are_listed_with_their_numbers() -> None:
    cards = Cards()
    text = device_list(cards)
    assert "  0  Built-in Microphone  (the system’s choice)" in text
    assert "  4  CABLE Input" in text
    cards.there = []
    assert "none" in device_list(cards)


def test_the_face_moves_with_the_file(case: Case, bundle: Path) -> None:
    case.run()
    pictures = np.stack([image for _, image in case.cameras[0].sent]).astype(int)
    assert np.abs(pictures - pictures[0]).max() > 5
