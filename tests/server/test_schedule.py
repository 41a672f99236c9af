from __future__ import annotations

import asyncio

from server.schedule import Schedule
from tests.virtual_time import LoopClock, run

MS = 1_000_000


def test_releases_at_start_plus_time_plus_delay() -> None:
    async def main() -> None:
        clock = LoopClock()
        schedule = Schedule(clock, delay_ms=100)
        schedule.start()
        began = clock.now_ns()
        assert await schedule.release(40 * MS) == 0
        assert clock.now_ns() - began == 140 * MS
        await asyncio.sleep(0.1)
        assert await schedule.release(80 * MS) == 60 * MS, "late, at once, and says by how much"
        await schedule.captured(500 * MS)
        assert schedule.now_ns() == 500 * MS

    run(main)


def test_nothing_is_released_before_the_start() -> None:
    async def main() -> None:
        schedule = Schedule(LoopClock(), delay_ms=10)
        waiting = asyncio.create_task(schedule.release(0))
        await asyncio.sleep(5)
        assert not waiting.done()
        assert schedule.now_ns() == 0
        schedule.start()
        await waiting
        assert schedule.now_ns() == 10 * MS

    run(main)


def test_one_epoch_for_all_times() -> None:
    async def main() -> None:
        schedule = Schedule(LoopClock(), delay_ms=10)
        schedule.start()
        epoch = schedule.ntp(0)
        await asyncio.sleep(1)
        schedule.start()  # a second start changes nothing
        assert schedule.ntp(0) == epoch
        assert (schedule.ntp(1_500_000_000) - epoch) / 2**32 == 1.5

    run(main)
