"""All live sessions: who is let in, who is found, and how they all end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from concurrent.futures import Executor

from aiortc import RTCIceServer

from engine.clock import Clock
from engine.errors import BadOffer
from server.gallery import Character
from server.metrics import Metrics, SessionCounts
from server.problems import Busy, NotFound
from server.session import Session
from server.signalling import answer, new_connection

__all__ = ["Sessions"]


class Sessions:
    """At most ``most`` at a time; the next one is refused, never queued."""

    def __init__(
        self,
        most: int,
        executor: Executor,
        clock: Clock,
        metrics: Metrics,
        ice_servers: Iterable[RTCIceServer] = (),
    ) -> None:
        self.most = most
        self._executor = executor
        self._clock = clock
        self._metrics = metrics
        self._ice_servers = tuple(ice_servers)
        self._live: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._live)

    def counts(self) -> list[SessionCounts]:
        return [session.counts for session in self._live.values()]

    def check_room(self) -> None:
        """Raises Busy when all places are taken."""
        if len(self._live) >= self.most:
            self._metrics.sessions_refused += 1
            raise Busy(
                f"all {self.most} places are taken: try again in a moment, or start the server "
                "with a larger --max-sessions if the machine has cores to spare"
            )

    async def open(self, offer: str, character: Character) -> tuple[Session, str]:
        """A new session and the SDP answer for its browser. Raises Busy, BadOffer."""
        self.check_room()
        session = Session(
            id=secrets.token_urlsafe(12),
            character=character,
            executor=self._executor,
            clock=self._clock,
            timings=self._metrics.timings,
            on_end=self._ended,
            connection=new_connection(self._ice_servers),
            seed=secrets.randbelow(1 << 31),
        )
        self._live[session.id] = session
        try:
            sdp = await answer(offer, session)
        except BadOffer:
            await session.end("bad offer")
            raise
        self._metrics.sessions_started += 1
        return session, sdp

    def find(self, session_id: str) -> Session:
        """Raises NotFound."""
        if session_id not in self._live:
            raise NotFound("this session has ended, or never was: POST /sessions starts one")
        return self._live[session_id]

    async def end_all(self, within_s: float) -> None:
        """End every session side by side; what takes longer is abandoned."""
        ends = [asyncio.create_task(s.end("server stops")) for s in self._live.values()]
        if ends:
            await asyncio.wait(ends, timeout=within_s)

    def _ended(self, session: Session, reason: str) -> None:
        self._live.pop(session.id, None)
        self._metrics.ended = self._metrics.ended.plus(session.counts)
        if reason == "failed":
            self._metrics.sessions_failed += 1
