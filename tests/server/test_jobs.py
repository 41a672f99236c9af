"""Events of long work: all of them, for everybody, whenever they look."""

from __future__ import annotations

import asyncio

from server.jobs import MOST_EVENTS, Job, Order


async def test_followers_hear_everything_however_late_they_come() -> None:
    job = Job("1", Order("ada", "Ada", "best"))
    early = asyncio.create_task(anext(job.follow()))
    await asyncio.sleep(0)
    await job.tell({"percent": 1})
    assert await early == {"percent": 1}
    await job.tell({"done": True}, over=True)
    for _ in range(2):
        assert [event async for event in job.follow()] == [{"percent": 1}, {"done": True}]
    assert job.described() == {
        "id": "1", "name": "ada", "title": "Ada", "quality": "best", "usable": False, "over": True,
    }  # fmt: skip


async def test_events_are_bounded_and_the_last_one_is_kept() -> None:
    job = Job("1", Order("ada", "Ada"))
    for n in range(MOST_EVENTS + 50):
        await job.tell({"percent": n})
    await job.tell({"done": True}, over=True)
    assert len(job.events) == MOST_EVENTS + 1
    assert job.events[-1] == {"done": True}
