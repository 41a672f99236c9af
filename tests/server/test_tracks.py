"""The pace of both tracks in virtual time, on time and late."""

from __future__ import annotations

import asyncio

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from engine.live.voice import VoiceMemory
from server.frames import FrameShelf
from server.metrics import SessionCounts, Timings
from server.schedule import Schedule
from server.tracks import FaceTrack, VoiceTrack
from tests.virtual_time import LoopClock, run


class Stage:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.schedule = Schedule(LoopClock(), delay_ms=100)
        self.counts, timings = SessionCounts(), Timings()
        self.shelf = FrameShelf(picture())
        self.voice = VoiceMemory()
        self.face_track = FaceTrack(self.schedule, self.shelf, self.counts, timings)
        self.voice_track = VoiceTrack(self.schedule, self.voice, self.counts, timings)
        self.schedule.start()


def picture() -> av.VideoFrame:
    return av.VideoFrame(16, 16, "yuv420p")


def test_an_hour_without_drift() -> None:
    async def main() -> None:
        stage = Stage()
        began = stage.loop.time()
        for _ in range(25 * 3600):
            frame = await stage.face_track.recv()
        assert stage.loop.time() - began == pytest.approx(3600 - 0.04 + 0.1, abs=1e-3)
        assert frame.pts == (25 * 3600 - 1) * 3600
        assert stage.counts.missed_slots == 0

    run(main)


def test_both_tracks_leave_the_same_time_at_the_same_instant() -> None:
    async def main() -> None:
        stage = Stage()

        async def instants(track: FaceTrack | VoiceTrack, count: int) -> dict[float, float]:
            out = {}
            for _ in range(count):
                frame = await track.recv()
                out[round(float(frame.pts * frame.time_base), 4)] = stage.loop.time()
            return out

        faces, voices = await asyncio.gather(
            instants(stage.face_track, 50), instants(stage.voice_track, 100)
        )
        assert all(voices[t] == pytest.approx(instant) for t, instant in faces.items())
        face, voice = stage.face_track.media_ntp(), stage.voice_track.media_ntp()
        assert face is not None
        assert voice is not None
        shift = (voice - face) / 2**32 - (99 * 0.02 - 49 * 0.04)
        assert shift == pytest.approx(-0.0025), "but for the look-ahead of Opus"

    run(main)


def test_a_missing_picture_is_the_previous_one_and_is_counted() -> None:
    async def main() -> None:
        stage = Stage()
        first, third = picture(), picture()
        stage.shelf.put(0, first)
        stage.shelf.put(1280, third)
        got = [await stage.face_track.recv() for _ in range(3)]
        assert got == [first, first, third]
        assert (stage.counts.sent, stage.counts.repeated, stage.counts.late) == (3, 1, 0)
        assert await stage.face_track.recv() is third
        late = picture()
        stage.shelf.put(1920, late)  # of the slot that has just gone
        assert await stage.face_track.recv() is late
        assert (stage.counts.sent, stage.counts.repeated, stage.counts.late) == (5, 2, 1)

    run(main)


def test_after_a_stall_nothing_is_made_up_for() -> None:
    """A loop that was blocked for 200 ms sends what is due now, not a burst of what was due."""

    async def main() -> None:
        stage = Stage()
        stage.voice.append(np.arange(40000, dtype=np.int16))
        await stage.face_track.recv()
        await stage.voice_track.recv()
        await asyncio.sleep(0.205)
        frame = await stage.face_track.recv()
        assert frame.pts == 5 * 3600
        assert stage.counts.missed_slots == 4
        voice = await stage.voice_track.recv()
        assert voice.pts == 10 * 960
        assert voice.to_ndarray()[0, 0] == 9600, "and it is the sound of that time"
        assert stage.counts.voice_slots_missed == 9
        before = stage.loop.time()
        await stage.face_track.recv()
        assert stage.loop.time() - before == pytest.approx(0.035)

    run(main)


def test_a_stopped_track_ends() -> None:
    async def main() -> None:
        stage = Stage()
        stage.face_track.stop()
        stage.voice_track.stop()
        for track in (stage.face_track, stage.voice_track):
            with pytest.raises(MediaStreamError):
                await track.recv()

    run(main)
