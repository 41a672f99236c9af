"""Hearing and drawing in order, within bounds, and by the clock."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.control import NEUTRAL, Control
from engine.motion import ARKIT_INDEX, Motion
from server.frames import FrameShelf
from server.metrics import Recent, SessionCounts, Timings
from server.performer import MOST_PENDING, Performer, picture
from tests.server.synthetic import State, SyntheticPipeline, TimedMotion
from tests.virtual_time import InlineExecutor, LoopClock, run


class Recording(SyntheticPipeline):
    """Remembers what it heard and drew."""

    def __init__(self) -> None:
        self.heard: list[NDArray[np.float32]] = []
        self.begun = 0
        self.drawn = 0

    def initial_state(self, seed: int = 0, control: Control = NEUTRAL) -> State:
        self.begun += 1
        return super().initial_state(seed, control)

    def listen(
        self, samples: NDArray[np.float32], state: State, control: Control = NEUTRAL
    ) -> tuple[list[TimedMotion], State]:
        self.heard.append(samples)
        return super().listen(samples, state, control)

    def draw(self, motion: Motion) -> NDArray[np.uint8]:
        self.drawn += 1
        return super().draw(motion)


class Held(Executor):
    """Takes jobs and does none of them until told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Future[Any], Any, Any]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append((future, fn, args))
        return future

    def work(self) -> None:
        future, fn, args = self.waiting.pop(0)
        future.set_result(fn(*args))


class Stage:
    def __init__(self, executor: Executor, late_ms: float = 0.0) -> None:
        clock = LoopClock()
        self.pipeline = Recording()
        self.counts = SessionCounts()
        self.shelf = FrameShelf(picture(self.pipeline.draw(Motion())))
        self.pipeline.drawn = 0
        self.failures = 0
        self.took_ms: list[float] = []
        self.control = NEUTRAL
        self.motions: list[tuple[int, Motion]] = []
        start = clock.now_ns() - round(late_ms * 1e6)
        self.performer = Performer(
            self.pipeline,
            self.shelf,
            executor,
            clock,
            lambda pts: start + pts * 62_500,
            self.counts,
            Timings(),
            Recent(),
            seed=1,
            control=lambda: self.control,
            on_motion=lambda pts, motion: self.motions.append((pts, motion)),
            on_picture=self.took_ms.append,
            on_failure=self.fail,
        )

    def fail(self) -> None:
        self.failures += 1

    async def hear(self, seconds: float) -> None:
        for _ in range(round(seconds * 100)):
            self.performer.hear(np.full(480, 1000, np.int16))
            for _ in range(4):
                await asyncio.sleep(0)  # let a job run to its end


def test_every_sample_is_heard_once_in_as_few_jobs_as_there_are_pictures() -> None:
    async def main() -> None:
        executor = InlineExecutor()
        stage = Stage(executor)
        await stage.hear(2.0)
        heard = sum(len(part) for part in stage.pipeline.heard)
        assert 32000 - 640 - 32 <= heard <= 32000
        assert executor.jobs == len(stage.pipeline.heard) == stage.pipeline.drawn
        assert stage.counts.drawn == (32000 - stage.pipeline.look_ahead_samples) // 640 + 1
        assert all(stage.shelf.take(pts)[1] for pts in (1280 * 22,))

    run(main)


def test_the_face_goes_where_control_wants_it_and_every_motion_is_told() -> None:
    async def main() -> None:
        stage = Stage(InlineExecutor())
        await stage.hear(1.0)
        stage.control = Control(smile=1.0)
        await stage.hear(1.0)
        assert [pts for pts, _ in stage.motions] == [640 * n for n in range(len(stage.motions))]
        assert len(stage.motions) == stage.counts.drawn
        smiles = [float(motion.face[ARKIT_INDEX["mouthSmileLeft"]]) for _, motion in stage.motions]
        assert max(smiles[:22]) == 0
        assert smiles[25] > 0.05
        assert smiles[-1] > 0.7

    run(main)


def test_a_pipeline_that_begins_anew_goes_on_smiling() -> None:
    async def main() -> None:
        held = Held()
        stage = Stage(held)
        stage.control = Control(smile=1.0)
        await stage.hear(5.0)
        for _ in range(3):
            held.work()
            await stage.hear(0.04)
        assert stage.pipeline.begun == 2
        assert stage.motions[-1][1].face[ARKIT_INDEX["mouthSmileLeft"]] > 0.7

    run(main)


def test_what_is_too_late_to_be_shown_is_not_drawn_but_heard() -> None:
    async def main() -> None:
        stage = Stage(InlineExecutor(), late_ms=10_000)
        await stage.hear(2.0)
        assert stage.pipeline.drawn == 0
        assert stage.counts.skipped == len(stage.pipeline.heard) == 49

    run(main)


def test_sound_waits_within_bounds_and_the_face_finds_its_time_again() -> None:
    """The workers are stuck for five seconds; then the pictures carry the right times at once."""

    async def main() -> None:
        executor = Held()
        stage = Stage(executor)
        await stage.hear(5.0)
        assert len(executor.waiting) == 1, "one job at a time, however long it takes"
        assert stage.counts.sound_given_up > MOST_PENDING
        assert stage.performer._pending_samples <= MOST_PENDING
        while executor.waiting:
            executor.work()
            for _ in range(4):
                await asyncio.sleep(0)
        stage.pipeline.drawn = 0
        assert stage.pipeline.begun == 2, "the pipeline began anew"
        assert stage.performer._base % 1920 == 0
        while executor.waiting or stage.pipeline.drawn < 10:
            stage.performer.hear(np.full(480, 1000, np.int16))
            if executor.waiting:
                executor.work()
            for _ in range(4):
                await asyncio.sleep(0)
        received = stage.performer._received
        newest = (received // 3 - stage.pipeline.look_ahead_samples) // 640 * 640
        assert any(stage.shelf.take(pts)[1] for pts in (newest, newest - 640))

    run(main)


def test_a_failing_pipeline_ends_the_session_and_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        stage = Stage(InlineExecutor())

        def broken(*_: object) -> Any:
            raise ValueError("no such tensor")

        stage.pipeline.listen = broken  # type: ignore[method-assign]
        await stage.hear(0.2)
        assert stage.failures >= 1

    run(main)
    assert "no such tensor" in caplog.text


def test_two_performers_do_not_move_each_other() -> None:
    """A speaks and B is silent, through the same pipeline and the same workers."""

    async def main() -> None:
        executor = InlineExecutor()
        speaking, silent = Stage(executor), Stage(executor)
        shared = SyntheticPipeline()
        speaking.performer._pipeline = silent.performer._pipeline = shared
        noise = (np.random.default_rng(0).normal(size=48000) * 6000).astype(np.int16)
        for part in np.split(noise, 100):
            speaking.performer.hear(part)
            silent.performer.hear(np.zeros(480, np.int16))
            for _ in range(4):
                await asyncio.sleep(0)
        rest = picture(shared.draw(Motion())).to_ndarray()
        pictures = [s.shelf.take(640 * 20)[0].to_ndarray() for s in (speaking, silent)]
        assert not np.array_equal(pictures[0], rest)
        assert np.array_equal(pictures[1], rest)

    run(main)


def test_a_picture_has_even_sides_and_keeps_its_colours() -> None:
    rgb = np.zeros((63, 65, 3), np.uint8)
    rgb[...] = (200, 120, 80)
    frame = picture(rgb)
    assert (frame.width, frame.height) == (64, 62)
    back = frame.to_ndarray(format="rgb24").reshape(-1, 3).mean(axis=0)
    assert np.abs(back - (200, 120, 80)).max() < 4
