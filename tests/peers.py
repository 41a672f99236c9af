"""A client made of aiortc itself: it speaks into the server and keeps what comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from numpy.typing import NDArray

from tests.relay import Relay

RATE = 48000
PACKET = 960
SDP = {"Content-Type": "application/sdp"}

Post = Callable[..., Awaitable[Any]]  # of an aiohttp client whose base is the server


class Microphone(MediaStreamTrack):
    """An endless sound, ``[n]`` int16 at 48 kHz over and over, at its own pace."""

    kind = "audio"

    def __init__(self, sound: NDArray[np.int16]) -> None:
        super().__init__()
        self._sound = sound[: len(sound) // PACKET * PACKET].reshape(-1, PACKET)
        self._next = 0
        self._begin: float | None = None

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        if self._begin is None:
            self._begin = loop.time()
        wait = self._begin + (self._next + 1) * PACKET / RATE - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        if self.readyState != "live":
            raise MediaStreamError
        samples = self._sound[self._next % len(self._sound)]
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = self._next * PACKET
        self._next += 1
        return frame


@dataclass
class Peer:
    """One call; an async context manager once it is made.

    ``pictures`` and ``voice`` are (arrival on the loop's clock, frame); with ``keep`` = False they
    are received, counted and thrown away. With ``steers`` a control channel is opened, and what
    comes over it is ``told``.
    """

    sound: NDArray[np.int16]
    keep: bool = True
    steers: bool = False
    pictures: list[tuple[float, av.VideoFrame]] = field(default_factory=list)
    voice: list[tuple[float, av.AudioFrame]] = field(default_factory=list)
    received: dict[str, int] = field(default_factory=lambda: {"audio": 0, "video": 0})
    location: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)

    async def call(self, post: Post, avatar: str, relay: Relay | None = None) -> Peer:
        """Connect; the relay, if there is one, stands between. Raises AssertionError if refused."""
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connection.addTransceiver(Microphone(self.sound), direction="sendrecv")
        self.connection.addTransceiver("video", direction="recvonly")
        self._tasks = []
        if self.steers:
            self.channel = self.connection.createDataChannel("control")
            self.channel.on("message", lambda text: self.told.append(json.loads(text)))
        await self.connection.setLocalDescription(await self.connection.createOffer())
        offer = self.connection.localDescription.sdp
        response = await post(
            f"/sessions?avatar={avatar}",
            data=relay.offer(offer) if relay else offer,
            headers=SDP,
        )
        answer = await response.text()
        if response.status != 201:
            await self.connection.close()
        assert response.status == 201, answer
        self.location = response.headers["Location"]
        await self.connection.setRemoteDescription(
            RTCSessionDescription(relay.answer(answer) if relay else answer, "answer")
        )
        for transceiver in self.connection.getTransceivers():
            self._tasks.append(asyncio.create_task(self._receive(transceiver.receiver.track)))
        return self

    async def __aenter__(self) -> Peer:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hang_up()

    async def until(self, kind: str, count: int) -> None:
        """Return when so many frames of a kind have come since the beginning."""
        while self.received[kind] < count:  # noqa: ASYNC110 - frames come at their own pace
            await asyncio.sleep(0.005)

    async def until_told(self, key: str, count: int = 1) -> list[dict[str, Any]]:
        """So many of what came over the control channel with a key in it, when they have come."""
        while len(found := [told for told in self.told if key in told]) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        return found

    async def hang_up(self) -> None:
        await self.connection.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _receive(self, track: MediaStreamTrack) -> None:
        loop = asyncio.get_running_loop()
        kept: list[Any] = self.voice if track.kind == "audio" else self.pictures
        try:
            while True:
                frame = await track.recv()
                self.received[track.kind] += 1
                if self.keep:
                    kept.append((loop.time(), frame))
        except MediaStreamError:
            return
