"""A whole session in virtual time: what goes in at the microphone and what leaves, and when."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

import av
import numpy as np
import pytest
from aiortc import RTCPeerConnection
from aiortc.mediastreams import MediaStreamError
from numpy.typing import NDArray

from engine.audio import Resampler
from engine.motion import Motion
from server.gallery import Character
from server.metrics import Timings
from server.performer import picture
from server.session import CONNECT_WITHIN_S, Session, mono
from server.signalling import new_connection
from tests.server.synthetic import SyntheticPipeline
from tests.virtual_time import InlineExecutor, LoopClock, SlowExecutor, run

PACKET = 480


class Stage:
    """One session whose connection is up, without a network."""

    def __init__(self, name: str = "one", executor: Executor | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        clock = LoopClock()
        self.pipeline = SyntheticPipeline()
        character = Character.ready("synthetic", "Synthetic", self.pipeline, b"", b"", clock)
        self.ended: list[str] = []
        self.said = 0
        self.session = Session(
            id=name,
            character=character,
            executor=executor or InlineExecutor(),
            clock=clock,
            timings=Timings(),
            on_end=lambda _, reason: self.ended.append(reason),
            connection=new_connection(),
        )
        self.faces: list[av.VideoFrame] = []
        self.voice: list[NDArray[np.int16]] = []
        self._tasks = [asyncio.create_task(w) for w in (self._watch(), self._listen())]

    def connect(self, state: str = "connected") -> None:
        set_state(self.session.connection, state)

    async def speak(self, sound: NDArray[np.int16]) -> None:
        """Hand in 10 ms packets at their pace."""
        for packet in sound.reshape(-1, PACKET):
            await asyncio.sleep(0.01)
            self.session.hear(packet, self.said * PACKET)
            self.said += 1

    async def _watch(self) -> None:
        try:
            while True:
                frame = await self.session.face_track.recv()
                self.faces.append(frame.reformat())
        except MediaStreamError:
            return

    async def _listen(self) -> None:
        try:
            while True:
                self.voice.append((await self.session.voice_track.recv()).to_ndarray()[0])
        except MediaStreamError:
            return


def set_state(connection: RTCPeerConnection, state: str) -> None:
    connection._RTCPeerConnection__connectionState = state  # type: ignore[attr-defined]
    connection.emit("connectionstatechange")


def babble(seconds: float, seed: int) -> NDArray[np.int16]:
    """Noise of changing brightness and loudness, without pauses: nothing may be left out."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(size=round(seconds * 48000))
    for begin in range(0, len(sound), 9600):
        part = sound[begin : begin + 9600]
        part[:] = np.convolve(part, np.ones(1 + 12 * rng.integers(0, 3)), "same")
        part *= rng.choice([1000, 2000, 4000]) / part.std()
    return sound.clip(-30000, 30000).astype(np.int16)


def aligned(stage: Stage, sound: NDArray[np.int16]) -> tuple[NDArray[np.int16], int]:
    """The voice that left, and where on it the sound begins."""
    voice = np.concatenate(stage.voice)
    piece = sound[48000:52800]
    fit = np.correlate(voice.astype(float), piece.astype(float), "valid")
    return voice, int(np.argmax(fit)) - 48000


def test_the_voice_returns_unchanged_and_the_face_is_that_of_its_sound() -> None:
    async def main() -> None:
        stage, sound = Stage(), babble(6.0, seed=1)
        stage.connect()
        await stage.speak(sound)
        voice, begin = aligned(stage, sound)
        assert np.array_equal(voice[begin : begin + 5 * 48000], sound[: 5 * 48000])
        assert stage.session.counts.repeated == 0
        assert stage.session.counts.missed_slots == 0

        heard = Resampler(48000).push(voice)
        motions, _ = stage.pipeline.listen(heard, stage.pipeline.initial_state())
        assert len(motions) > 140
        for motion, face in zip(motions, stage.faces, strict=False):
            expected = picture(stage.pipeline.draw(motion.motion)).to_ndarray()
            assert np.array_equal(face.to_ndarray(), expected), f"at sample {motion.pts}"
        await stage.session.end("test")

    run(main)


def test_the_delay_is_the_budget() -> None:
    async def main() -> None:
        stage, sound = Stage(), babble(6.0, seed=1)
        stage.connect()
        began = stage.loop.time()
        await stage.speak(sound)
        _, begin = aligned(stage, sound)
        captured = began - stage.loop.time() + 6.0  # sample 0, before its packet was complete
        left = begin / 48000 + stage.session.budget.delay_ms / 1000
        assert left - captured <= stage.session.budget.delay_ms / 1000 + 0.0101
        assert stage.session.status()["delay_ms"] <= stage.session.budget.delay_ms + 10
        await stage.session.end("test")

    run(main)


def test_the_delay_follows_the_machine_in_the_pauses_of_speech() -> None:
    """Drawing takes 4 ms, then 50, then 4 again: latency grows by about as much, in the pauses, and
    returns; no word is lost or cut, and once it has grown no picture is late."""

    async def main() -> None:
        worker = SlowExecutor(0.004)
        stage = Stage(executor=worker)
        counts = stage.session.counts
        stage.connect()
        spoken = babble(4.5, seed=2)
        sentence = np.concatenate([spoken, np.zeros(72_000, np.int16)])

        async def speak(times: int) -> float:
            for _ in range(times):
                await stage.speak(sentence)
            return float(stage.session.status()["delay_ms"])

        calm = await speak(3)
        worker.seconds = 0.037  # just under the time from one picture to the next
        await speak(2)
        late = counts.late + counts.repeated
        busy = await speak(3)
        assert counts.late + counts.repeated - late <= 2, "no picture is late any more"
        assert 20 <= busy - calm <= 45
        worker.seconds = 0.004
        assert abs(await speak(5) - calm) <= 12

        assert counts.voice_slots_missed == counts.sound_late == 0
        voice = np.concatenate(stage.voice)
        loud = np.abs(voice.astype(int)) > 0
        sounding = np.count_nonzero(loud) / np.count_nonzero(spoken)
        assert sounding == pytest.approx(13, abs=0.2), "every sentence left whole"

    run(main)


def test_another_face_in_the_middle_of_a_call_changes_the_pictures_alone() -> None:
    class Wider(SyntheticPipeline):
        def draw(self, motion: Motion) -> NDArray[np.uint8]:
            return np.full((320, 400, 3), 200, np.uint8)

    async def call(switch: bool) -> tuple[list[tuple[int, int]], NDArray[np.int16], list[int]]:
        stage = Stage()
        stage.connect()
        await stage.speak(babble(1.0, seed=5))
        if switch:
            clock = LoopClock()
            stage.session.become(Character.ready("wide", "Wide", Wider(), b"", b"", clock))
            assert stage.session.status()["avatar"] == "wide"
        await stage.speak(babble(1.0, seed=6))
        await stage.session.end("test")
        sizes = [(face.width, face.height) for face in stage.faces]
        return sizes, np.concatenate(stage.voice), [face.pts for face in stage.faces]

    _, plain, times = run(lambda: call(switch=False))
    sizes, voice, same_times = run(lambda: call(switch=True))
    np.testing.assert_array_equal(voice, plain)
    assert same_times == times
    changes = [n for n in range(1, len(sizes)) if sizes[n] != sizes[n - 1]]
    assert len(changes) == 1, "once, and for good"
    assert sizes[-1] == (400, 320)


def test_pictures_are_dropped_before_sound_is() -> None:
    """Drawing takes 90 ms, more than twice the time there is: the voice leaves unchanged."""

    async def main() -> None:
        stage, sound = Stage(executor=SlowExecutor(0.09)), babble(6.0, seed=1)
        stage.connect()
        await stage.speak(sound)
        voice, begin = aligned(stage, sound)
        counts = stage.session.counts
        assert np.array_equal(voice[begin : begin + 4 * 48000], sound[: 4 * 48000])
        assert counts.voice_slots_missed == counts.sound_given_up == counts.sound_late == 0
        assert counts.drawn < 120
        assert counts.sent == pytest.approx(150, abs=5), "25 pictures a second leave all the same"
        assert counts.repeated + counts.late > 60
        await stage.session.end("test")

    run(main)


def test_without_a_microphone_the_face_goes_on_living() -> None:
    async def main() -> None:
        stage = Stage()
        stage.connect()
        await asyncio.sleep(60)
        counts = stage.session.counts
        assert counts.sent == pytest.approx(60 * 25, abs=4)
        assert counts.drawn >= counts.sent
        assert counts.repeated == 0
        assert not np.concatenate(stage.voice).any()
        await stage.session.end("test")

    run(main)


def test_two_sessions_at_once_are_each_as_if_alone() -> None:
    async def pictures(seeds: tuple[int, ...]) -> dict[int, list[NDArray[np.uint8]]]:
        stages = {seed: Stage(str(seed)) for seed in seeds}
        for stage in stages.values():
            stage.connect()
        await asyncio.gather(*(stage.speak(babble(3.0, seed)) for seed, stage in stages.items()))
        out = {seed: [f.to_ndarray() for f in stage.faces] for seed, stage in stages.items()}
        for stage in stages.values():
            await stage.session.end("test")
        return out

    alone = [run(lambda seed=seed: pictures((seed,)))[seed] for seed in (1, 2)]  # type: ignore[misc]
    together = run(lambda: pictures((1, 2)))
    assert len(alone[0]) > 60
    for seed, own in zip((1, 2), alone, strict=True):
        assert all(map(np.array_equal, together[seed], own))
    assert not all(map(np.array_equal, together[1], together[2]))


@pytest.mark.parametrize("state", ["failed", "closed"])
def test_ends_with_its_connection_and_leaves_nothing(state: str) -> None:
    async def main() -> None:
        stage = Stage()
        stage.connect()
        await stage.speak(babble(1.0, seed=1))
        stage.connect(state)
        await stage.session.end("again")
        await asyncio.wait(stage._tasks)
        assert stage.ended == [state]
        assert stage.session.connection.signalingState == "closed"
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others, f"still there: {others}"

    run(main)


def test_frees_its_place_even_if_the_connection_can_not_be_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        stage = Stage()
        stage.connect()

        async def broken() -> None:
            raise AttributeError("upstream")

        closes, stage.session.connection.close = stage.session.connection.close, broken  # type: ignore[method-assign]
        await stage.session.end("asked to")
        assert stage.ended == ["asked to"]
        await closes()
        await asyncio.wait(stage._tasks)

    run(main)
    assert "did not close" in caplog.text


def test_a_browser_that_never_comes_is_not_waited_for() -> None:
    async def main() -> None:
        stage = Stage()
        await asyncio.sleep(CONNECT_WITHIN_S + 1)
        assert stage.ended == ["never connected"]
        await asyncio.wait(stage._tasks)

    run(main)


def test_ends_when_its_pipeline_fails() -> None:
    async def main() -> None:
        stage = Stage()
        stage.pipeline.draw = None  # type: ignore[method-assign, assignment]
        stage.connect()
        await asyncio.sleep(1)
        assert stage.ended == ["failed"]
        await asyncio.wait(stage._tasks)

    run(main)


@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_mono(layout: str) -> None:
    channels = 1 if layout == "mono" else 2
    samples = np.full((1, 960 * channels), 30000, np.int16)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
    assert np.array_equal(mono(frame), np.full(960, 30000))
