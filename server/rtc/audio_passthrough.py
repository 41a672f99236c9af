"""Incoming sound without aiortc's jitter buffer.

Upstream behaviour: ``RTCRtpReceiver`` puts audio through ``JitterBuffer(capacity=16, prefetch=4)``.
It holds every packet for 80 ms, and since audio is never retransmitted one lost packet stalls it
for 320 ms and leaves it 280 ms behind for ever (aiortc issue 543 describes the same).

Here a packet goes to the decoder as it comes. What arrives behind a later one is dropped, and a
loss is left for the session's timeline to see as a jump of the time stamps and fill.
"""

from __future__ import annotations

from typing import Protocol

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtp import RtpPacket

from server.rtc import private

__all__ = ["PassThrough", "pass_audio_through"]

_HALF_CIRCLE = 1 << 15


class _Depayloaded(Protocol):
    """An RTP packet after ``RTCRtpReceiver`` has put its codec payload beside it."""

    sequence_number: int
    timestamp: int
    _data: bytes


class PassThrough:
    """Takes the place of ``aiortc.jitterbuffer.JitterBuffer`` for sound; delays nothing."""

    def __init__(self) -> None:
        self._last: int | None = None
        self.out_of_order = 0

    def add(self, packet: RtpPacket | _Depayloaded) -> tuple[bool, JitterFrame | None]:
        """(picture loss, always False; the frame to decode, or None for a packet too late)."""
        if self._last is not None:
            ahead = (packet.sequence_number - self._last) & 0xFFFF
            if ahead == 0 or ahead >= _HALF_CIRCLE:
                self.out_of_order += 1
                return False, None
        self._last = packet.sequence_number
        return False, JitterFrame(data=packet._data, timestamp=packet.timestamp)  # type: ignore[union-attr]


def pass_audio_through(receiver: RTCRtpReceiver) -> PassThrough:
    """Replace the jitter buffer of one audio receiver; call before the connection starts."""
    buffer = PassThrough()
    setattr(receiver, private(receiver, "jitter_buffer"), buffer)
    return buffer
