"""One piece of long work: what it tells, kept for whoever looks late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Job", "Order"]

MOST_EVENTS = 2000


@dataclass(frozen=True)
class Order:
    """What is to be made. ``name``: of the file and in addresses; ``title``: what people see;
    ``quality``: "fast" or "best"."""

    name: str
    title: str
    quality: str = "fast"


@dataclass
class Job:
    """One export. Events are kept, so that whoever looks late sees all of them; bounded.
    usable: whether a first avatar is served already."""

    id: str
    order: Order
    usable: bool = False
    events: list[dict[str, Any]] = field(default_factory=list)
    over: bool = False
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def name(self) -> str:
        """Of the avatar that it makes."""
        return self.order.name

    def described(self) -> dict[str, Any]:
        """For a list of jobs."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.order.title,
            "quality": self.order.quality,
            "usable": self.usable,
            "over": self.over,
        }

    async def tell(self, event: dict[str, Any], *, over: bool = False) -> None:
        """The next event. over: there will be no other."""
        async with self.changed:
            if len(self.events) < MOST_EVENTS or over:
                self.events.append(event)
            self.over = over
            self.changed.notify_all()

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """All events so far and those to come, up to the last."""
        seen = 0
        while True:
            async with self.changed:
                while not self.over and len(self.events) == seen:
                    await self.changed.wait()
                fresh, over = self.events[seen:], self.over
            for event in fresh:
                yield event
            seen += len(fresh)
            if over:
                return
