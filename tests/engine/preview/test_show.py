"""The shell with its threads: sound and picture of one moment leave at one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.clock import MonotonicClock
from engine.control import NEUTRAL, Control
from engine.live.timeline import RATE
from engine.preview.capture import Capture
from engine.preview.schedule import Schedule
from engine.preview.show import Show, drawing_ms
from engine.preview.wardrobe import Wardrobe
from engine.speech import SpeechModel
from tests import bundles
from tests.engine.preview.cards import CABLE, MICROPHONE, Cards, RecordingCamera
from tests.engine.preview.world import MS, Listener, Stage, World, clicks
from tests.sounds import encoded

PATIENCE_S = 20.0
EVERY = RATE // 4 + 480 // 2  # so that clicks stand anywhere in their pictures
PICTURE = 1920
NEAR = 60


def wait_for(what: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Look every 10 ms."""
    pause = Event()
    for _ in range(round(seconds * 100)):
        if what():
            return
        pause.wait(0.01)
    raise AssertionError("waited in vain")


class Timeline:
    """All that a capture ever put on its timeline, from sample 0 on."""

    def __init__(self, capture: Capture) -> None:
        self._parts: list[NDArray[np.int16]] = []
        append = capture._voice.append

        def kept(samples: NDArray[np.int16]) -> None:
            self._parts.append(samples.copy())
            append(samples)

        capture._voice.append = kept  # type: ignore[method-assign]

    def clicks(self) -> list[int]:
        """The first sample of each."""
        loud = np.flatnonzero(np.concatenate(self._parts) > 10_000)
        return [int(k) for k, before in zip(loud, [-RATE, *loud], strict=False) if k - before > 48]


def skews(
    clicks: list[int],
    heard: list[tuple[int, NDArray[np.float32]]],
    flashes: list[int],
    schedule: Schedule,
) -> list[float]:
    """For each click, by how much its picture leaves later than its voice, samples at 48 kHz.

    clicks: where they are on the timeline. heard: (instant of the first sample, samples).
    flashes: the instants of pictures that show a click. A picture stands for 40 ms of sound, so a
    click is due as long after its picture as it stands behind the picture's beginning.
    """
    instants = np.concatenate([t + np.arange(len(s)) * 1e9 / RATE for t, s in heard])
    loud = np.concatenate([np.abs(s) for _, s in heard]) > 0.4
    begins = instants[loud & ~np.roll(loud, 1)]
    found = []
    for at in clicks:
        if not NEAR < at % PICTURE < PICTURE - NEAR:
            continue  # it may be in the picture before as well
        due = schedule.instant_ns(at) + schedule.delay_ns
        voice_off = begins - due
        picture_off = np.array(flashes) + at % PICTURE * 1e9 / RATE - due
        pair = [float(off[np.abs(off).argmin()]) for off in (picture_off, voice_off)]
        if max(map(abs, pair)) < 100 * MS:  # neither before the start nor behind the end
            found.append((pair[0] - pair[1]) * RATE / 1e9)
    return found


def test_in_virtual_time_a_click_leaves_with_its_picture() -> None:
    """Through capture, performer and playback: microphone 100 ppm fast, output 100 ppm slow."""
    world = World()
    it = Stage(world, Listener(world, lambda pts: 10.0), output_ms=30.0)
    timeline = Timeline(it.capture)
    it.microphone(clicks(EVERY), ppm=100)
    it.output(ppm=-100, latency_ms=30.0)
    it.run(10)
    flashes = [p.instant_ns for p in it.pictures if p.image.max() > 100]
    found = skews(timeline.clicks(), it.heard, flashes, it.schedule)
    assert len(found) > 30
    assert np.abs(found[8:]).max() <= 48, "1 ms; 100 ppm lag behind by 0.4"


class Threads:
    """An output card with a thread of its own, which asks for 10 ms when it has played them."""

    def __init__(self, cards: Cards) -> None:
        self._clock, self._cards, self._stop = MonotonicClock(), cards, Event()
        self.heard: list[tuple[int, np.ndarray]] = []
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        wait_for(lambda: self._cards.open or self._stop.is_set())
        begin, k = self._clock.now_ns(), 0
        while not self._stop.is_set():
            told = begin + k * 10 * MS
            self._stop.wait(max(told - self._clock.now_ns(), 0) / 1e9)
            stream = self._cards.open[-1]
            at = told + round(stream.latency_ms * MS)
            self.heard.append((at, stream.call(480, at, RATE)))  # type: ignore[arg-type]
            k += 1

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


def click_file(folder: Path, seconds: float) -> Path:
    block = clicks(EVERY)
    sound = np.concatenate([block(k) for k in range(round(seconds * 100))]) / 32768
    return encoded(folder / "clicks.wav", sound[:, None].astype(np.float32), RATE, "pcm_s16le")


class Quick:
    """A wardrobe with one pipeline, which draws in no time."""

    names = ("quick",)
    ready: dict[str, Any] = {}  # noqa: RUF012
    failed: dict[str, str] = {}  # noqa: RUF012

    def load(self, name: str) -> Any:
        return Listener(SimpleNamespace(advance=lambda ns: None), lambda pts: 0.0)  # type: ignore[arg-type]

    def load_all(self) -> None: ...

    def close(self) -> None: ...


@pytest.mark.realtime
def test_a_click_in_a_file_leaves_camera_and_loudspeaker_together(tmp_path: Path) -> None:
    """The whole shell, with its threads, against the clock."""
    cards, clock = Cards(latency_ms=20.0), MonotonicClock()
    camera = RecordingCamera(clock)
    show = Show(Quick(), clock, cards, camera, click_file(tmp_path, 2.5))  # type: ignore[arg-type]
    show.sound.wish("output", CABLE)
    card, timeline = Threads(cards), Timeline(show._capture)
    show.start()
    try:
        wait_for(lambda: show.status().ended)
        wait_for(lambda: len(card.heard) > 250)
    finally:
        show.close()
        card.close()
    flashes = [t for t, image in camera.sent if image.max() > 100]
    found = skews(timeline.clicks(), card.heard, flashes, show._capture.schedule)
    assert len(found) >= 4
    assert -48 < np.median(found) < 48 * 15, "1 ms early to 15 ms late, on a busy machine"
    assert camera.closed


@pytest.fixture
def show(tmp_path: Path) -> Iterator[Show]:
    files = {
        "one": bundles.bundle(tmp_path / "one.avatar"),
        "two": bundles.bundle(tmp_path / "two.avatar"),
        "broken": bundles.bundle(tmp_path / "broken.avatar", schema=9),
    }
    clock = MonotonicClock()
    it = Show(Wardrobe(files, SpeechModel.load()), clock, Cards(), RecordingCamera(clock))
    it.start()
    yield it
    it.close()


def test_it_lives_without_a_sound_and_stops_at_once(show: Show) -> None:
    wait_for(lambda: show.status().shown > 3)
    assert show.picture is not None
    assert show.picture.image.shape == (128, 128, 3)
    clock = MonotonicClock()
    began = clock.now_ns()
    show.close()
    assert clock.now_ns() - began < 1000 * MS
    shown = show.status().shown
    Event().wait(0.1)
    assert show.status().shown == shown


def test_another_avatar_is_put_on_when_it_is_loaded(show: Show) -> None:
    show.wear("two")
    wait_for(lambda: show.status().avatar == "two")
    assert show.status().loading == ""
    show.wear("broken")
    wait_for(lambda: "schema 9" in show.status().trouble)
    assert show.status().avatar == "two"
    show.wear("one")
    wait_for(lambda: show.status().avatar == "one")
    assert show.status().trouble == ""


def test_it_is_muted_and_steered(show: Show) -> None:
    assert show.control == NEUTRAL
    show.steer(Control(smile=0.5))
    show.blink()
    assert (show.control.smile, show.control.blinks) == (0.5, 1)
    show.mute(True)
    assert show.status().muted
    show.sound.wish("microphone", MICROPHONE)
    assert show.status().microphone == "Built-in Microphone"


def test_a_camera_that_goes_is_said_and_the_window_goes_on(show: Show) -> None:
    camera = show._camera
    assert isinstance(camera, RecordingCamera)
    camera.gone = True
    wait_for(lambda: "camera has gone" in show.status().trouble)
    assert show.status().camera == ""
    shown = show.status().shown
    wait_for(lambda: show.status().shown > shown + 2)


def test_what_fails_in_a_thread_is_logged_and_said(
    show: Show, caplog: pytest.LogCaptureFixture
) -> None:
    show._performer.pipeline = None  # type: ignore[assignment]
    wait_for(lambda: show.status().failed)
    assert "Traceback" in caplog.text


def test_how_long_a_picture_takes() -> None:
    world = World()
    assert drawing_ms(Listener(world, lambda pts: 17.0), world) == pytest.approx(17.0)  # type: ignore[arg-type]
