"""Sound cards and a camera that tests hold in their hands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.clock import Clock
from engine.errors import BadDevice
from engine.preview.devices import Device, Fill, Hear

MICROPHONE = Device(0, "Built-in Microphone", 48_000, True)
HEADSET = Device(3, "USB Headset", 16_000)
SPEAKERS = Device(1, "Speakers", 48_000, True)
CABLE = Device(4, "CABLE Input", 48_000)


@dataclass
class Stream:
    device: Device
    call: Callable[..., object]
    latency_ms: float = 10.0
    active: bool = True
    closed: bool = False

    def close(self) -> None:
        self.closed, self.active = True, False


@dataclass
class Cards:
    """broken: names that can not be opened. open: streams that were, in order."""

    there: list[Device] = field(default_factory=lambda: [MICROPHONE, HEADSET])
    outs: list[Device] = field(default_factory=lambda: [SPEAKERS, CABLE])
    broken: set[str] = field(default_factory=set)
    latency_ms: float = 10.0
    open: list[Stream] = field(default_factory=list)
    searched: int = 0
    on_search: Callable[[], None] = lambda: None

    def inputs(self) -> list[Device]:
        return list(self.there)

    def outputs(self) -> list[Device]:
        return list(self.outs)

    def refresh(self) -> None:
        assert all(s.closed for s in self.open), "PortAudio would take them down"
        self.searched += 1
        self.on_search()

    def record(self, device: Device, hear: Hear) -> Stream:
        return self._opened(device, hear)

    def play(self, device: Device, fill: Fill) -> Stream:
        return self._opened(device, fill)

    def _opened(self, device: Device, call: Callable[..., object]) -> Stream:
        if device.name in self.broken:
            raise BadDevice(f"{device.name} can not be opened, expected another: choose one")
        self.open.append(Stream(device, call, self.latency_ms))
        return self.open[-1]


@dataclass
class RecordingCamera:
    """In place of a virtual camera: keeps what it was sent, and when."""

    clock: Clock
    name: str = "/dev/video10"
    sent: list[tuple[int, NDArray[np.uint8]]] = field(default_factory=list)
    closed: bool = False
    gone: bool = False

    def send(self, image: NDArray[np.uint8]) -> None:
        if self.gone:
            raise BadDevice("the virtual camera has gone, expected it: start it again")
        self.sent.append((self.clock.now_ns(), image))

    def close(self) -> None:
        self.closed = True
