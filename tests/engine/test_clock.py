from __future__ import annotations

import asyncio

from engine.clock import MonotonicClock


def test_runs_with_the_event_loop_and_never_backwards() -> None:
    clock = MonotonicClock()

    async def both() -> tuple[float, float, float]:
        loop = asyncio.get_running_loop()
        return loop.time(), clock.now_ns() / 1e9, loop.time()

    before, now, after = asyncio.run(both())
    assert before <= now + 1e-6
    assert now <= after + 1e-6
