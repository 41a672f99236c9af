"""Batches gather while one is drawn: by themselves, in order, and without a timer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from engine.batching import Batcher, Gathering
from tests.virtual_time import run

FRAME_S = 0.04


def test_the_first_is_served_at_once_and_alone() -> None:
    gathering: Gathering[str] = Gathering(4)
    assert gathering.arrive("a") == ["a"]
    assert [gathering.arrive(x) for x in "bcdef"] == [[]] * 5
    assert gathering.next() == ["b", "c", "d", "e"], "at most four, first come first served"
    assert gathering.next() == ["f"]
    assert gathering.next() == []
    assert gathering.arrive("g") == ["g"]


class Device:
    """A GPU in virtual time: a batch of n takes ``fixed + n * each`` seconds."""

    def __init__(self, most: int, fixed: float, each: float) -> None:
        self.gathering: Gathering[tuple[float, asyncio.Future[float]]] = Gathering(most)
        self.fixed, self.each = fixed, each
        self.batches: list[int] = []

    async def draw(self) -> float:
        """Seconds from asking to the frame."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[float] = loop.create_future()
        self._work(self.gathering.arrive((loop.time(), answer)))
        return await answer

    def _work(self, batch: list[tuple[float, asyncio.Future[float]]]) -> None:
        if not batch:
            return
        self.batches.append(len(batch))
        loop = asyncio.get_running_loop()
        loop.call_later(self.fixed + len(batch) * self.each, self._done, batch)

    def _done(self, batch: list[tuple[float, asyncio.Future[float]]]) -> None:
        now = asyncio.get_running_loop().time()
        for asked, answer in batch:
            answer.set_result(now - asked)
        self._work(self.gathering.next())


async def sessions(device: Device, count: int, frames: int) -> list[float]:
    """Latencies of so many streams at 25 fps, each with a phase of its own."""
    phases = np.random.default_rng(0).uniform(0, FRAME_S, count)

    async def stream(phase: float) -> list[float]:
        await asyncio.sleep(phase)
        found = []
        for _ in range(frames):
            took = await device.draw()
            found.append(took)
            await asyncio.sleep(max(0.0, FRAME_S - took))
        return found

    return [x for part in await asyncio.gather(*map(stream, phases)) for x in part]


def test_one_stream_waits_for_nobody() -> None:
    device = Device(16, 0.002, 0.001)
    latencies = run(lambda: sessions(device, 1, 50))
    np.testing.assert_allclose(latencies, 0.003)
    assert device.batches == [1] * 50


def test_many_streams_are_carried_by_batches_that_one_by_one_could_not_be() -> None:
    """40 streams need 1000 frames a second; singly the device gives 333."""
    device = Device(16, 0.0025, 0.0005)
    latencies = run(lambda: sessions(device, 40, 50))
    assert len(latencies) == 40 * 50
    assert max(latencies) < FRAME_S, "everybody's frame is there in time"
    # Two batches at most: the one that was being drawn, and one's own.
    assert max(latencies) <= 2 * (0.0025 + 16 * 0.0005) + 1e-9
    assert np.mean(device.batches) > 2


def test_overload_is_shared_and_nobody_starves() -> None:
    device = Device(4, 0.02, 0.0)  # 200 frames a second, asked for 500
    latencies = np.reshape(run(lambda: sessions(device, 20, 40)), (20, 40))
    assert set(device.batches[5:-5]) == {4}
    each = latencies.mean(1)
    assert each.max() < 1.2 * each.min()


def test_threads_get_their_own_answers() -> None:
    sizes = []

    def serve(asked: Sequence[int]) -> list[int]:
        sizes.append(len(asked))
        return [x * x for x in asked]

    batcher = Batcher(serve, 8)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(batcher, range(500))) == [x * x for x in range(500)]
    assert sum(sizes) == 500
    assert max(sizes) <= 8


def test_whoever_comes_while_a_batch_is_drawn_is_in_the_next() -> None:
    entered, leave = threading.Event(), threading.Event()
    batches: list[list[str]] = []

    def serve(asked: Sequence[str]) -> Sequence[str]:
        batches.append(list(asked))
        entered.set()
        assert leave.wait(5)
        return asked

    batcher = Batcher(serve, 8)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(batcher, "a")
        assert entered.wait(5)
        others = [pool.submit(batcher, x) for x in "bcd"]
        while len(batcher._gathering._waiting) < 3:
            threading.Event().wait(0.001)
        leave.set()
        assert first.result(5) == "a"
        assert [o.result(5) for o in others] == ["b", "c", "d"]
    assert [len(b) for b in batches] == [1, 3]


def test_a_failure_reaches_its_batch_and_nobody_after_it() -> None:
    def serve(asked: Sequence[int]) -> Sequence[int]:
        if 13 in asked:
            raise ValueError("unlucky")
        return asked

    batcher = Batcher(serve, 4)
    with pytest.raises(ValueError, match="unlucky"):
        batcher(13)
    assert batcher(14) == 14
