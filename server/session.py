"""One browser and its face, from the answer to the end.

::

    microphone -> timeline -+-> voice memory ---------------> VoiceTrack -+
                            |                                             +-> browser
                            +-> performer (threads) -> shelf -> FaceTrack -+
                                    ^       |
                                 control  motion  <---- data channel ----> browser

All of it on the one schedule of the session.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCDataChannel, RTCPeerConnection
from aiortc.mediastreams import MediaStreamError
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, RESAMPLER_HOLDS, SAMPLE_RATE
from engine.clock import Clock
from engine.control import NEUTRAL, Control
from engine.live import allowance, timeline
from engine.live.budget import Budget
from engine.live.voice import VoiceMemory
from server.control import LABEL, ControlChannel
from server.frames import FrameShelf
from server.gallery import Character
from server.metrics import Recent, SessionCounts, Timings
from server.performer import Performer, picture
from server.schedule import Schedule
from server.tracks import FRAME_NS, FaceTrack, VoiceTrack

__all__ = ["Session", "mono"]

logger = logging.getLogger(__name__)

CONNECT_WITHIN_S = 20.0
_MOST_CHANNELS = 16  # that one client may open, one after the other
_UP = timeline.RATE // SAMPLE_RATE


def mono(frame: av.AudioFrame) -> NDArray[np.int16]:
    """``[n]`` int16, the mean of the channels of a decoded Opus packet (packed s16)."""
    channels = len(frame.layout.channels)
    samples = frame.to_ndarray().astype(np.int16, copy=False).reshape(-1, channels)
    if channels == 1:
        return samples[:, 0]
    return (samples[:, 0] >> 1) + (samples[:, 1] >> 1)


@dataclass(eq=False)
class Session:
    """Owns everything of one session; ends once, whatever ends it, and then frees it all.

    Must be made inside the event loop. ``on_end`` is called once, with the session and the reason.
    id: a secret, since it is all that is asked of who wants to look or end. number: for the logs.
    """

    id: str
    character: Character
    executor: Executor
    clock: Clock
    timings: Timings
    on_end: Callable[[Session, str], None]
    connection: RTCPeerConnection
    seed: int = 0
    number: int = 0
    counts: SessionCounts = field(default_factory=SessionCounts)
    control: Control = NEUTRAL  # what the face begins with

    def __post_init__(self) -> None:
        self._opened_ns = self.clock.now_ns()
        pipeline = self.character.pipeline
        draw_ms = self.character.draw_ms.quantile(0.95)
        self.budget = Budget.of(pipeline.look_ahead_samples, draw_ms)
        self.schedule = Schedule(self.clock, self.budget.delay_ms)
        self._allowance = allowance.begin(self.budget.allowance_ms)
        self._shelf = FrameShelf(picture(self.character.rest))
        self._voice = VoiceMemory()
        self.face_track = FaceTrack(self.schedule, self._shelf, self.counts, self.timings)
        self.voice_track = VoiceTrack(self.schedule, self._voice, self.counts, self.timings)
        self.rtp_time: Callable[[int], int | None] = lambda pts: None
        self.controls = ControlChannel(
            self.control, self.clock, self.counts, lambda pts: self.rtp_time(pts)
        )
        self._channels = 0
        self._performer = Performer(
            pipeline,
            self._shelf,
            self.executor,
            self.clock,
            lambda pts: self.schedule.due_ns(pts * 1_000_000_000 // SAMPLE_RATE),
            self.counts,
            self.timings,
            self.character.draw_ms,
            self.seed,
            control=lambda: self.controls.control,
            on_motion=self.controls.tell,
            on_picture=self._picture_took,
            on_failure=lambda: self.end_soon("failed"),
        )
        first = pipeline.look_ahead_samples * _UP + RESAMPLER_HOLDS
        self._need = timeline.Need(
            first=first, period=FRAME_SAMPLES * _UP, margin=self._margin(first)
        )
        self._timeline = timeline.begin(self._need)
        self._waits_ms = Recent(128)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ending: asyncio.Task[None] | None = None
        self.connection.on("connectionstatechange", self._connection_changed)
        self.connection.on("track", self._track_came)
        self.connection.on("datachannel", self._channel_came)
        self._spawn(self._give_up_connecting())

    async def end(self, reason: str) -> None:
        """Stop and free everything. Later calls wait for the first one."""
        self.end_soon(reason)
        assert self._ending is not None
        await asyncio.shield(self._ending)

    def end_soon(self, reason: str) -> None:
        """As ``end``, from where nothing can be awaited."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(reason))

    def become(self, character: Character) -> None:
        """Show another face in the middle of a call; sound, delay and connection stay."""
        self.character = character
        self._performer.become(character.pipeline, character.draw_ms)

    @property
    def delay_ms(self) -> float:
        """From the arrival of a sound to its release, as it is now."""
        return self.budget.delay_ms + self._waits_ms.quantile(0.5)

    def seen(self, skew_ms: float) -> None:
        """What the browser says: by how much it shows the picture later than the sound."""
        self.timings.skew.add(skew_ms)
        self.timings.delay.add(self.delay_ms)

    def status(self) -> dict[str, Any]:
        """For the page: what a user may want to see, in words, counts and milliseconds."""
        return {
            "avatar": self.character.name,
            "state": self.connection.connectionState,
            "budget": replace(self.budget, allowance_ms=self._allowance.ms).parts(),
            "delay_ms": round(self.delay_ms, 1),
            "counts": vars(self.counts) | {"microphone": self._timeline.shift is not None},
        }

    async def _end(self, reason: str) -> None:
        lived_s = round((self.clock.now_ns() - self._opened_ns) / 1e9, 1)
        kept = {name: value for name, value in vars(self.counts).items() if value}
        self._log("session %d ends: %s", reason, reason=reason, seconds=lived_s, **kept)
        for task in self._tasks:
            task.cancel()
        self.face_track.stop()
        self.voice_track.stop()
        self.schedule.start()  # whoever still waits for the start wakes and finds the track ended
        try:
            await self.connection.close()
        except Exception:  # whatever upstream trips over: the place is to be free again
            logger.exception("session %d: its connection did not close", self.number)
        await self._performer.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.connection.remove_all_listeners()
        self.on_end(self, reason)

    def _log(self, text: str, *values: object, **extra: object) -> None:
        logger.info(text, self.number, *values, extra={"session": self.number} | extra)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _give_up_connecting(self) -> None:
        await asyncio.sleep(CONNECT_WITHIN_S)
        if self.connection.connectionState != "connected":
            self.end_soon("never connected")

    def _connection_changed(self) -> None:
        state = self.connection.connectionState
        self._log("session %d is %s", state, state=state)
        if state == "connected":
            self.schedule.start()
            self._spawn(self._keep_alive())
        elif state in ("failed", "closed"):
            self.end_soon(state)

    def _track_came(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            self._spawn(self._listen(track))

    def _channel_came(self, channel: RTCDataChannel) -> None:
        self._channels += 1
        if self._channels > _MOST_CHANNELS:
            self.end_soon("too many data channels")
        elif channel.label == LABEL:
            self.controls.open(channel)
        else:
            channel.close()

    async def _listen(self, microphone: MediaStreamTrack) -> None:
        """Take every packet at once: aiortc's queue behind the track has no bound (issue 554)."""
        try:
            while True:
                frame = await microphone.recv()
                assert isinstance(frame, av.AudioFrame)
                assert frame.pts is not None
                if self.schedule.started:
                    self.hear(mono(frame), frame.pts)
        except MediaStreamError:
            self._log("session %d: the microphone ended")

    def hear(self, samples: NDArray[np.int16], stamp: int) -> None:
        """One packet of the microphone, ``[n]`` int16 at 48 kHz, that has just come."""
        self.counts.packets += 1
        now = self.schedule.now_ns() * timeline.RATE // 1_000_000_000
        placed, self._timeline = timeline.place(samples, stamp, now, self._need, self._timeline)
        waits_ms = (self._timeline.end - now) * 1000 / timeline.RATE
        self._waits_ms.add(waits_ms)
        self.timings.sound_ahead.add(waits_ms)
        self._append(placed)

    async def _keep_alive(self) -> None:
        """Put silence where sound is needed and did not come, frame for frame: without a
        microphone, or with a muted one, the face goes on living."""
        frame = 0
        while True:
            after = (self._need.first + self._timeline.margin) * 1_000_000_000 // timeline.RATE
            await self.schedule.captured(frame * FRAME_NS + after)
            frame = max(frame, (self.schedule.now_ns() - after) // FRAME_NS)
            until = self._need.first + frame * self._need.period
            silence, self._timeline = timeline.conceal(until, self._need, self._timeline)
            self._append(silence)
            frame += 1

    def _margin(self, first: int) -> int:
        """Of the need, for the allowance as it is: the delay of what leaves is fixed."""
        needed_ms = self.budget.delay_ms - self._allowance.ms
        return round(needed_ms * timeline.RATE / 1000) - first

    def _picture_took(self, ms: float) -> None:
        self.timings.ready.add(ms)
        self._allowance = allowance.step(ms, self._allowance)
        self._need = replace(self._need, margin=self._margin(self._need.first))

    def _append(self, samples: NDArray[np.int16]) -> None:
        counts = self._timeline.counts
        self.counts.sound_lost = counts.lost
        self.counts.sound_concealed = counts.concealed
        self.counts.sound_late = counts.late
        self.counts.sound_left_out = counts.left_out
        self.counts.sound_put_in = counts.put_in
        self.counts.anchored = counts.anchored
        if len(samples):
            self._voice.append(samples)
            self._performer.hear(samples)
