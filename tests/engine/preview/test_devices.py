"""Sound cards by number and name, opened in the way they accept, refused in words."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.errors import BadDevice, MissingExtra
from engine.preview.devices import Device, PortAudio, chosen, default
from tests.engine.preview.world import World

DEVICES = [
    Device(0, "Built-in", 48_000),
    Device(2, "USB Mic", 44_100, True),
    Device(5, "USB Cam", 48_000),
]


def test_by_default_it_is_what_the_system_would_take() -> None:
    assert default(DEVICES, "microphone").index == 2
    assert default(DEVICES[:1], "microphone").index == 0
    with pytest.raises(BadDevice, match="no microphone was found, expected"):
        default([], "microphone")


@pytest.mark.parametrize(
    ("wanted", "index"), [("5", 5), ("USB Mic", 2), ("built", 0), ("cam", 5), ("Built-in", 0)]
)
def test_one_is_chosen_by_number_name_or_part(wanted: str, index: int) -> None:
    assert chosen(DEVICES, wanted, "microphone").index == index


def test_what_is_not_there_or_not_clear_is_said_with_what_there_is() -> None:
    with pytest.raises(BadDevice, match=r"no microphones are called '7'.*0 Built-in, 2 USB Mic"):
        chosen(DEVICES, "7", "microphone")
    with pytest.raises(BadDevice, match=r"several microphones are called 'usb'.*2 USB Mic, 5 USB"):
        chosen(DEVICES, "usb", "microphone")
    with pytest.raises(BadDevice, match="no output was found"):
        chosen([], "x", "output")


class PortAudioError(Exception):
    pass


class FakeLibrary:
    """``sounddevice`` as far as it is used. accepts: (rate, channels) of the cards."""

    PortAudioError = PortAudioError

    def __init__(self, accepts: set[tuple[int, int]], apis: tuple[str, ...] = ("ALSA",)) -> None:
        self.accepts, self.opened, self.initialised = accepts, [], 0
        self.default = SimpleNamespace(hostapi=0)
        self.apis = [
            {"name": n, "default_input_device": k * 2, "default_output_device": k * 2 + 1}
            for k, n in enumerate(apis)
        ]
        self.devices = [
            {"name": f"{n} {way}", "hostapi": k, "default_samplerate": 44_100.0,
             "max_input_channels": 2 * (way == "in"), "max_output_channels": 2 * (way == "out")}
            for k, n in enumerate(apis) for way in ("in", "out")
        ]  # fmt: skip

    def query_hostapis(self, index: int | None = None) -> Any:
        return self.apis if index is None else self.apis[index]

    def query_devices(self, index: int | None = None) -> Any:
        return self.devices if index is None else self.devices[index]

    def WasapiSettings(self, **told: Any) -> Any:
        return told

    def _terminate(self) -> None: ...

    def _initialize(self) -> None:
        self.initialised += 1

    def InputStream(self, **told: Any) -> Any:
        if (told["samplerate"], told["channels"]) not in self.accepts:
            raise PortAudioError("Invalid sample rate", -9997)
        told["stream"] = SimpleNamespace(
            start=lambda: None, latency=0.02, active=True, close=lambda ignore_errors: None
        )
        self.opened.append(told)
        return told["stream"]

    OutputStream = InputStream


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> FakeLibrary:
    fake = FakeLibrary({(48_000, 1), (48_000, 2)})
    monkeypatch.setitem(sys.modules, "sounddevice", fake)  # type: ignore[arg-type]
    return fake


def test_ten_milliseconds_at_a_time_in_mono(library: FakeLibrary) -> None:
    cards, heard = PortAudio(World()), []
    stream = cards.record(cards.inputs()[0], heard.append)
    (told,) = library.opened
    assert (told["samplerate"], told["channels"], told["blocksize"]) == (48_000, 1, 480)
    told["callback"](np.full((480, 1), 7, np.int16), 480, None, None)
    assert (heard[0] == 7).all()
    assert stream.latency_ms == pytest.approx(20.0)


def test_a_card_of_another_rate_or_two_channels_is_converted(library: FakeLibrary) -> None:
    library.accepts = {(44_100, 2)}
    cards, heard = PortAudio(World()), []
    cards.record(cards.inputs()[0], heard.append)
    (told,) = library.opened
    tone = np.sin(2 * np.pi * 500 * np.arange(44_100) / 44_100)
    sound = np.stack([12_000 * tone, 4_000 * tone], 1).astype(np.int16)
    for k in range(100):
        told["callback"](sound[k * 441 : (k + 1) * 441], 441, None, None)
    got = np.concatenate(heard)
    assert abs(len(got) - 48_000) < 200
    assert np.abs(got).max() == pytest.approx(8_000, rel=0.02)
    crossings = np.count_nonzero(np.diff(np.signbit(got)))
    assert crossings == pytest.approx(1000, abs=4)


def test_an_output_is_asked_with_the_instant_at_which_it_is_heard(library: FakeLibrary) -> None:
    world, asked = World(), []
    cards = PortAudio(world)

    def fill(count: int, heard_ns: int, rate: int) -> np.ndarray:
        asked.append((count, heard_ns - world.now, rate))
        return np.full(count, 0.5, np.float32)

    cards.play(cards.outputs()[0], fill)
    (told,) = library.opened
    out = np.zeros((480, 2), np.float32)
    for dac, expected in ((100.03, 30e6), (0.0, 20e6), (200.0, 20e6)):
        told["callback"](
            out, 480, SimpleNamespace(outputBufferDacTime=dac, currentTime=100.0), None
        )
        assert asked[-1] == (480, pytest.approx(expected, abs=10), 48_000)
    assert (out == 0.5).all()


def test_one_that_no_way_opens_is_refused_in_words(library: FakeLibrary) -> None:
    library.accepts = set()
    cards = PortAudio(World())
    with pytest.raises(BadDevice, match=r"ALSA in can not be opened \(Invalid sample rate\)"):
        cards.record(cards.inputs()[0], lambda b: None)


def test_on_windows_each_card_is_listed_once_and_converted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = FakeLibrary({(48_000, 1)}, ("MME", "Windows WASAPI"))
    monkeypatch.setitem(sys.modules, "sounddevice", library)  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "platform", "win32")
    cards = PortAudio(World())
    (device,) = cards.inputs()
    assert (device.name, device.index, device.default) == ("Windows WASAPI in", 2, True)
    cards.record(device, lambda b: None)
    assert library.opened[0]["extra_settings"] == {"auto_convert": True}


def test_searching_starts_the_library_again(library: FakeLibrary) -> None:
    PortAudio(World()).refresh()
    assert library.initialised == 1


def test_without_the_extra_or_the_library_it_is_said_which(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtra, match="preview"):
        PortAudio(World())

    def fail(name: str, *more: Any) -> Any:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real(name, *more)

    real = __import__
    monkeypatch.setattr("builtins.__import__", fail)
    with pytest.raises(BadDevice, match="apt install libportaudio2"):
        PortAudio(World())


def test_the_real_library_names_what_is_here() -> None:
    try:
        importlib.import_module("sounddevice")
    except (ImportError, OSError) as error:
        pytest.skip(f"did not run: {error}")
    cards = PortAudio(World())
    cards.refresh()
    for device in (*cards.inputs(), *cards.outputs()):
        assert device.name
        assert device.rate > 0
