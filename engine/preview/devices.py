"""Sound cards, through PortAudio (``sounddevice``): what is there, and opening it.

Everything behind this module is mono at 48 kHz; a card that can not do that is converted here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.audio import Resampler
from engine.clock import Clock
from engine.errors import BadDevice, MissingExtra
from engine.live.timeline import RATE

__all__ = ["Device", "PortAudio", "SoundCards", "SoundStream", "chosen", "default"]

_BLOCK_S = 0.01
_BUFFER_S = 0.03  # what a card holds back, so that a busy Python is not heard
_MOST_AHEAD_S = 2.0  # an output that claims to play later than this does not know
_HOST_API = {"win32": "Windows WASAPI"}  # elsewhere the system's own choice

Hear = Callable[[NDArray[np.int16]], None]
# (count, the instant at which the first of them is heard, Hz) -> [count] float32
Fill = Callable[[int, int, int], NDArray[np.float32]]


@dataclass(frozen=True)
class Device:
    """index: PortAudio's number. rate: the card's own, Hz. default: what the system would take."""

    index: int
    name: str
    rate: int
    default: bool = False


class SoundStream(Protocol):
    """An open card. latency_ms: between the program and the air, as the driver says."""

    latency_ms: float

    @property
    def active(self) -> bool: ...
    def close(self) -> None: ...


class SoundCards(Protocol):
    """What ``PortAudio`` offers; tests have their own."""

    def inputs(self) -> list[Device]: ...
    def outputs(self) -> list[Device]: ...
    def refresh(self) -> None: ...
    def record(self, device: Device, hear: Hear) -> SoundStream: ...
    def play(self, device: Device, fill: Fill) -> SoundStream: ...


def default(devices: Sequence[Device], kind: str) -> Device:
    """What the system would take, else the first. kind: "microphone" or "loudspeaker".

    Raises BadDevice where there is none.
    """
    if not devices:
        raise BadDevice(
            f"no {kind} was found, expected one that the system knows: plug it in, or allow this "
            "program to use it in the system's privacy settings"
        )
    return next((d for d in devices if d.default), devices[0])


def chosen(devices: Sequence[Device], wanted: str, kind: str) -> Device:
    """By its number, its name, or a part of its name that no other has. Raises BadDevice."""
    if not devices:
        return default(devices, kind)
    exact = [d for d in devices if wanted in (str(d.index), d.name)]
    parts = [d for d in devices if wanted.casefold() in d.name.casefold()]
    found = exact or parts
    if len(found) != 1 and not exact:
        there = ", ".join(f"{d.index} {d.name}" for d in (parts or devices))
        raise BadDevice(
            f"{'several' if parts else 'no'} {kind}s are called {wanted!r}, expected a number or a "
            f"name of one: {there}"
        )
    return found[0]


class PortAudio:
    """The cards of this machine. One object at a time: PortAudio is a library with one state."""

    def __init__(self, clock: Clock) -> None:
        """Raises MissingExtra or BadDevice where there is no PortAudio."""
        try:
            import sounddevice
        except ImportError as error:
            raise MissingExtra("sound from a microphone", "preview") from error
        except OSError as error:  # the Python part is there, the library is not
            raise BadDevice(
                "the library PortAudio is not installed, expected it for microphones and "
                "loudspeakers: apt install libportaudio2"
            ) from error
        self._sd: Any = sounddevice
        self._clock = clock

    def inputs(self) -> list[Device]:
        """Microphones, and whatever else can be recorded from."""
        return self._devices("input")

    def outputs(self) -> list[Device]:
        """Loudspeakers, and cables that a call can listen to."""
        return self._devices("output")

    def refresh(self) -> None:
        """Look again. All streams must be closed: PortAudio forgets them."""
        self._sd._terminate()
        self._sd._initialize()

    def record(self, device: Device, hear: Hear) -> SoundStream:
        """Hand 10 ms at a time to ``hear``, in a thread of PortAudio's. Raises BadDevice."""

        def opened(rate: int, channels: int) -> Any:
            to_voice = None if rate == RATE else Resampler(rate, RATE)

            def callback(data: NDArray[np.int16], frames: int, time: Any, status: Any) -> None:
                mono = data[:, 0] if channels == 1 else data.mean(axis=1).astype(np.int16)
                if to_voice is not None:
                    mono = np.rint(to_voice.push(mono) * 32767).astype(np.int16)
                hear(mono.copy())

            return self._sd.InputStream(
                **self._common(device, rate, channels), dtype="int16", callback=callback
            )

        return self._opened(device, "microphone", opened)

    def play(self, device: Device, fill: Fill) -> SoundStream:
        """Ask ``fill`` for samples, in a thread of PortAudio's. Raises BadDevice."""

        def opened(rate: int, channels: int) -> Any:
            def callback(data: NDArray[np.float32], frames: int, time: Any, status: Any) -> None:
                ahead = time.outputBufferDacTime - time.currentTime
                if not 0 < ahead < _MOST_AHEAD_S:
                    ahead = stream.latency
                heard_ns = self._clock.now_ns() + round(ahead * 1e9)
                data[:] = fill(frames, heard_ns, rate)[:, None]

            stream = self._sd.OutputStream(
                **self._common(device, rate, channels), dtype="float32", callback=callback
            )
            return stream

        return self._opened(device, "loudspeaker", opened)

    def _common(self, device: Device, rate: int, channels: int) -> dict[str, Any]:
        api = self._sd.query_hostapis(self._sd.query_devices(device.index)["hostapi"])["name"]
        converted = {"extra_settings": self._sd.WasapiSettings(auto_convert=True)}
        return {
            "device": device.index,
            "samplerate": rate,
            "channels": channels,
            "blocksize": round(rate * _BLOCK_S),
            "latency": _BUFFER_S,
            **(converted if api == "Windows WASAPI" else {}),
        }

    def _opened(
        self, device: Device, kind: str, stream_of: Callable[[int, int], Any]
    ) -> SoundStream:
        """The first of the ways that the card accepts: our rate or its own, one channel or two."""
        error: Exception | None = None
        for rate in dict.fromkeys((RATE, device.rate)):
            for channels in (1, 2) if kind == "microphone" else (2, 1):
                try:
                    stream = stream_of(rate, channels)
                    stream.start()
                except (self._sd.PortAudioError, ValueError) as refused:
                    error = error or refused
                else:
                    return _PortAudioStream(stream)
        raise BadDevice(
            f"the {kind} {device.name} can not be opened ({_words(error)}), expected one that no "
            "other program holds: close what uses it, or choose another"
        )

    def _devices(self, way: str) -> list[Device]:
        apis = self._sd.query_hostapis()
        wanted = _HOST_API.get(sys.platform)
        names = [api["name"] for api in apis]
        api = names.index(wanted) if wanted in names else self._sd.default.hostapi
        standard = apis[api][f"default_{way}_device"] if apis else -1
        return [
            Device(index, d["name"], round(d["default_samplerate"]), index == standard)
            for index, d in enumerate(self._sd.query_devices())
            if d["hostapi"] == api and d[f"max_{way}_channels"] > 0
        ]


class _PortAudioStream:
    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.latency_ms = float(stream.latency) * 1000

    @property
    def active(self) -> bool:
        return bool(self._stream.active)

    def close(self) -> None:
        self._stream.close(ignore_errors=True)


def _words(error: Exception | None) -> str:
    """PortAudio's own words, without its number."""
    first = error.args[0] if error is not None and error.args else "no reason was given"
    return str(first).strip()
