"""The RTP time that is told, against that of the packets that leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fractions import Fraction

import av
import pytest
from aiortc import RTCRtpSender
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rtcrtpparameters import (
    RTCRtcpParameters,
    RTCRtpCodecParameters,
    RTCRtpSendParameters,
)
from aiortc.rtp import RtpPacket, is_rtcp

from server.rtc.rtp_time import rtp_clock


class Collecting:
    """As much of an RTCDtlsTransport as a sender needs: keeps the times of pictures."""

    state = "connected"
    _stats_id = "transport"

    def __init__(self) -> None:
        self.times: list[int] = []
        self.enough = asyncio.Event()

    async def _send_rtp(self, data: bytes) -> None:
        if is_rtcp(data):
            return
        time = RtpPacket.parse(data).timestamp
        if time not in self.times:
            self.times.append(time)
        if len(self.times) >= 5:
            self.enough.set()

    def _register_rtp_sender(self, *_: object) -> None: ...
    def _unregister_rtp_sender(self, *_: object) -> None: ...


class Pictures(MediaStreamTrack):
    kind = "video"
    number = -1

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(0)
        self.number += 1
        frame = av.VideoFrame(16, 16, "yuv420p")
        frame.pts, frame.time_base = self.number * 3600, Fraction(1, 90000)
        return frame


@pytest.mark.parametrize("origin", [17, (1 << 32) - 5000])
async def test_a_pictures_time_is_known_before_it_is_sent(
    monkeypatch: pytest.MonkeyPatch, origin: int
) -> None:
    transport = Collecting()
    sender = RTCRtpSender(Pictures(), transport)  # type: ignore[arg-type]
    monkeypatch.setattr("aiortc.rtcrtpsender.random32", lambda: origin)
    clock: Callable[[int], int | None] = rtp_clock(sender)
    assert clock(0) is None
    codec = RTCRtpCodecParameters(mimeType="video/VP8", clockRate=90000, payloadType=97)
    await sender.send(RTCRtpSendParameters(codecs=[codec], rtcp=RTCRtcpParameters(cname="x")))
    await transport.enough.wait()
    await sender.stop()
    assert transport.times[:5] == [clock(n * 3600) for n in range(5)]
    assert clock(4 * 3600) == (origin + 4 * 3600) % (1 << 32)
