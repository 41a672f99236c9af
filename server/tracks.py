"""The two tracks that the browser receives: the face, and the voice delayed to fit it.

Both are paced by the same schedule and count their time from the same zero. Neither ever catches
up: what is too late is left out and counted, since a burst of late packets would make the browser
buffer more, and stay late.
"""

from __future__ import annotations

from fractions import Fraction

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from engine.audio import FRAME_SAMPLES, SAMPLE_RATE
from engine.live.timeline import RATE
from engine.live.voice import VoiceMemory
from server.frames import FrameShelf
from server.metrics import SessionCounts, Timings
from server.rtc.opus import LOOK_AHEAD
from server.schedule import Schedule

__all__ = ["FRAME_NS", "PACKET", "VIDEO_RATE", "FaceTrack", "VoiceTrack"]

FRAME_NS = FRAME_SAMPLES * 1_000_000_000 // SAMPLE_RATE
PACKET = RATE * 20 // 1000
PACKET_NS = PACKET * 1_000_000_000 // RATE
VIDEO_RATE = 90000
_TICKS = VIDEO_RATE * FRAME_SAMPLES // SAMPLE_RATE
_MOST_VOICE_LATENESS_NS = 60_000_000
_OPUS_LOOK_AHEAD_NS = LOOK_AHEAD * 1_000_000_000 // RATE


class FaceTrack(MediaStreamTrack):
    """25 pictures a second from the shelf; the previous one again where the due one is missing."""

    kind = "video"

    def __init__(
        self, schedule: Schedule, shelf: FrameShelf, counts: SessionCounts, timings: Timings
    ) -> None:
        super().__init__()
        self._schedule = schedule
        self._shelf = shelf
        self._counts = counts
        self._timings = timings
        self._next = 0
        self._shown: av.VideoFrame | None = None
        self._given_ns: int | None = None

    async def recv(self) -> av.VideoFrame:
        """The next picture, at its time. Raises MediaStreamError once the track was stopped."""
        late_ns = await self._schedule.release(self._next * FRAME_NS)
        if self.readyState != "live":
            raise MediaStreamError
        missed = late_ns // FRAME_NS
        self._counts.missed_slots += missed
        self._timings.video_lateness.add(late_ns / 1e6)
        slot = self._next + missed
        self._next = slot + 1
        frame, exact = self._shelf.take(slot * FRAME_SAMPLES)
        again = frame is self._shown
        self._shown = frame
        self._counts.sent += 1
        self._counts.repeated += again
        self._counts.late += not (exact or again)
        self._given_ns = slot * FRAME_NS
        frame.pts = slot * _TICKS
        frame.time_base = Fraction(1, VIDEO_RATE)
        return frame

    def media_ntp(self) -> int | None:
        """NTP time of the picture given last, for the sender reports."""
        return None if self._given_ns is None else self._schedule.ntp(self._given_ns)


class VoiceTrack(MediaStreamTrack):
    """The incoming voice, delayed as long as the face takes."""

    kind = "audio"

    def __init__(
        self, schedule: Schedule, voice: VoiceMemory, counts: SessionCounts, timings: Timings
    ) -> None:
        super().__init__()
        self._schedule = schedule
        self._voice = voice
        self._counts = counts
        self._timings = timings
        self._next = 0
        self._given_ns: int | None = None

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms, at their time. Raises MediaStreamError once the track was stopped."""
        late_ns = await self._schedule.release(self._next * PACKET_NS)
        if self.readyState != "live":
            raise MediaStreamError
        missed = late_ns // PACKET_NS if late_ns > _MOST_VOICE_LATENESS_NS else 0
        self._counts.voice_slots_missed += missed
        self._timings.voice_lateness.add(late_ns / 1e6)
        slot = self._next + missed
        self._next = slot + 1
        samples = self._voice.read(slot * PACKET, PACKET)
        self._given_ns = slot * PACKET_NS
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = slot * PACKET
        frame.time_base = Fraction(1, RATE)
        return frame

    def media_ntp(self) -> int | None:
        """NTP time of the sound that the browser will hear in the packet given last."""
        if self._given_ns is None:
            return None
        return self._schedule.ntp(self._given_ns - _OPUS_LOOK_AHEAD_NS)
