"""The window in use, on a screen that nobody sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from engine.clock import MonotonicClock
from engine.control import NEUTRAL, Control
from engine.errors import BadDevice
from engine.preview.performer import Picture
from engine.preview.show import Show
from engine.preview.wardrobe import Wardrobe
from engine.preview.window import Window, opened
from engine.speech import SpeechModel
from tests import bundles
from tests.engine.preview.cards import CABLE, HEADSET, MICROPHONE, Cards, RecordingCamera


class Case:
    """A window over a show whose threads do not run: what it shows is set by hand."""

    def __init__(
        self,
        files: dict[str, Path],
        theme: str = "light",
        source: str = "",
        control: Control = NEUTRAL,
    ) -> None:
        self.root = opened()
        clock = MonotonicClock()
        self.cards = Cards()
        self.camera = RecordingCamera(clock)
        wardrobe = Wardrobe(files, SpeechModel.load())
        self.show = Show(wardrobe, clock, self.cards, self.camera, control=control)
        wardrobe.load_all()
        self.window = Window(self.root, self.show, self.cards, theme, source)  # type: ignore[arg-type]
        self.root.deiconify()
        self.see(np.full((128, 128, 3), (200, 60, 30), np.uint8))

    def see(self, image: np.ndarray) -> None:
        self.show.picture = Picture(0, image, 0, 0)
        self.window.refresh()
        self.root.update()

    def pixel(self, x: float, y: float) -> tuple[int, ...]:
        side = self.window._side
        return self.window._stage._image.get(round(x * (side - 1)), round(y * (side - 1)))

    @property
    def hint(self) -> str:
        return str(self.window._stage.itemcget(self.window._stage._hint, "text"))

    def key(self, name: str) -> None:
        self.root.focus_force()
        self.root.update()
        self.root.event_generate(f"<Key-{name}>")
        self.root.update()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("avatars")
    return {name: bundles.bundle(folder / f"{name}.avatar") for name in ("one", "two")} | {
        "broken": bundles.bundle(folder / "broken.avatar", schema=9)
    }


@pytest.fixture
def case(display: str, files: dict[str, Path]) -> Iterator[Case]:
    it = Case(files)
    yield it
    it.window.close()


def test_it_shows_each_picture_with_round_corners(case: Case) -> None:
    assert case.pixel(0.5, 0.5) == (200, 60, 30)
    assert case.pixel(0, 0) == case.pixel(1, 1) == (255, 255, 255)
    case.see(np.full((256, 200, 3), (20, 60, 230), np.uint8))
    assert case.pixel(0.5, 0.5) == (20, 60, 230)


def test_without_a_microphone_it_says_what_to_do(case: Case) -> None:
    assert "choose one" in case.hint
    case.show.sound.wish("microphone", MICROPHONE)
    case.see(np.zeros((128, 128, 3), np.uint8))
    assert case.hint == ""
    assert case.window._microphone._chosen == MICROPHONE.name


def test_keys_mute_blink_reset_and_change_the_face(case: Case) -> None:
    case.key("m")
    case.see(np.zeros((128, 128, 3), np.uint8))
    assert case.show.status().muted
    assert case.hint == "Muted"
    case.key("M")
    assert not case.show.status().muted
    case.key("b")
    assert case.show.control.blinks == 1
    case.window._sliders["smile"].move(0.8)
    case.window._gaze.move((0.5, 0.5))
    assert (case.show.control.smile, case.show.control.gaze) == (0.8, (0.5, 0.5))
    case.key("r")
    assert case.show.control.smile == NEUTRAL.smile
    assert case.show.control.gaze is None
    assert case.show.control.blinks == 1, "no blink is asked for by a reset"
    assert case.window._sliders["smile"].value == 0
    case.key("2")
    pause = Event()
    for _ in range(500):
        if case.show.status().avatar == "two":
            break
        pause.wait(0.01)
    case.see(np.zeros((128, 128, 3), np.uint8))
    states = {name: face._state for name, face in case.window._thumbnails.items()}
    assert states == {"one": "ready", "two": "worn", "broken": "failed"}


def test_every_slider_steers_what_it_says(case: Case) -> None:
    for name, slider in case.window._sliders.items():
        assert slider.value == getattr(NEUTRAL, name)
        slider.move(0.25)
        assert getattr(case.show.control, name) == 0.25


def test_the_menus_choose_devices(case: Case) -> None:
    microphones, outputs = case.window._microphones(), case.window._outputs()
    assert [words for words, _ in microphones] == [
        MICROPHONE.name, HEADSET.name, "", "Search again"
    ]  # fmt: skip
    microphones[1][1]()
    dict(outputs)[CABLE.name]()
    assert case.show.sound.wished("microphone") == HEADSET
    assert case.show.sound.wished("output") == CABLE
    dict(outputs)["Nowhere"]()
    assert case.show.sound.wished("output") is None
    microphones[-1][1]()
    case.show.sound.tend()
    assert case.cards.searched == 1


def test_trouble_is_a_sentence_on_the_picture(case: Case) -> None:
    case.cards.broken.add(MICROPHONE.name)
    case.show.sound.wish("microphone", MICROPHONE)
    case.show.sound.tend()
    case.see(np.zeros((128, 128, 3), np.uint8))
    assert case.hint.startswith("Built-in Microphone can not be opened")
    assert min(case.pixel(0.5, 0.93)) > 100, "a light box behind the words"


def test_news_are_shown_even_when_no_picture_comes(case: Case) -> None:
    case.show._failed = True
    for _ in range(20):
        case.window.refresh()
    assert "failed" in case.hint


def test_the_camera_is_named(case: Case) -> None:
    assert "/dev/video10" in case.window._camera.cget("text")


def test_it_begins_as_it_was_asked_to_dark_steered_and_with_a_file(
    display: str, files: dict[str, Path]
) -> None:
    case = Case(files, "dark", "speech.wav", Control(smile=0.4, gaze=(0.5, 0.0)))
    try:
        assert case.window._sliders["smile"].value == 0.4
        assert case.window._gaze.value == (0.5, 0.0)
        assert max(case.pixel(0, 0)) < 60
        assert case.window._microphone._chosen == "speech.wav"
        assert not case.window._microphone.enabled
        assert case.hint == ""
    finally:
        case.window.close()


def test_it_runs_until_it_is_closed_and_raises_what_went_wrong(case: Case) -> None:
    case.root.after(50, lambda: case.root.event_generate("<Control-q>"))
    case.root.focus_force()
    case.window.run()

    def fail() -> None:
        raise KeyboardInterrupt

    case.root.after(20, fail)
    with pytest.raises(KeyboardInterrupt):
        case.window.run()


def test_without_a_display_it_is_said(monkeypatch: pytest.MonkeyPatch, display: str) -> None:
    monkeypatch.setenv("DISPLAY", ":987654")
    with pytest.raises(BadDevice, match=r"no window can be opened .*--headless"):
        opened()
