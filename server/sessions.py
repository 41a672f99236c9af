"""All live sessions: who is let in, who is found, and how they all end."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager, suppress

from engine.clock import Clock
from engine.control import NEUTRAL, Control
from engine.errors import BadOffer
from server import capacity
from server.gallery import Character
from server.ice import IceServers
from server.metrics import Metrics, SessionCounts
from server.problems import Busy, NotFound
from server.session import Session
from server.signalling import answer, new_connection

__all__ = ["Sessions"]


logger = logging.getLogger(__name__)

SAMPLED_EVERY_S = 1.0


class Sessions:
    """At most so many at a time; the next one is refused, never queued.

    most:       a fixed number, or None for as many as the machine carries (``server.capacity``).
    local_only: hear media from this machine only.
    cores:      that sessions may use together.
    cpu_ns:     processor time of this process so far.
    control:    what faces begin with.
    """

    def __init__(
        self,
        most: int | None,
        executor: Executor,
        clock: Clock,
        metrics: Metrics,
        ice_servers: IceServers | None = None,
        local_only: bool = False,
        cores: float = 1.0,
        cpu_ns: Callable[[], int] = time.process_time_ns,
        control: Control = NEUTRAL,
    ) -> None:
        self._most = most
        self._executor = executor
        self._clock = clock
        self._metrics = metrics
        self._ice_servers = ice_servers or IceServers()
        self._local_only = local_only
        self._cores = cores
        self._cpu_ns = cpu_ns
        self._control = control
        self._capacity: capacity.CapacityState | None = None
        self._numbers = itertools.count(1)
        self._live: dict[str, Session] = {}
        self._closing = False

    def __len__(self) -> int:
        return len(self._live)

    @property
    def most(self) -> int:
        """How many there may be at a time, as far as is known now."""
        if self._most is not None:
            return self._most
        return 1 if self._capacity is None else capacity.places(self._cores, self._capacity)

    @asynccontextmanager
    async def measured(self) -> AsyncIterator[None]:
        """While this lasts, what sessions cost is watched."""

        async def watch() -> None:
            while True:
                await asyncio.sleep(SAMPLED_EVERY_S)
                self._sample()

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    def expect(self, character: Character) -> None:
        """What one session will cost, as long as none was measured."""
        if self._capacity is None:
            self._capacity = capacity.begin(character.draw_ms.quantile(0.1))
            logger.info("room for %d sessions on %.1f cores", self.most, self._cores)

    def counts(self) -> list[SessionCounts]:
        return [session.counts for session in self._live.values()]

    def check_room(self) -> None:
        """Raises Busy when all places are taken, or the machine does not keep up as it is."""
        if self._closing:
            self._refuse("the server stops: try again when it is back")
        if len(self._live) >= self.most:
            self._refuse(
                f"all {self.most} places are taken: try again in a moment, or start the server "
                "with a larger --max-sessions if the machine has cores to spare"
            )
        measured = self._most is None and self._live and self._capacity is not None
        if measured and capacity.struggles(self._capacity):  # type: ignore[arg-type]
            self._refuse("the machine is busy with other things: try again in a moment")

    async def open(self, offer: str, character: Character) -> tuple[Session, str]:
        """A new session and the SDP answer for its browser. Raises Busy, BadOffer."""
        self.expect(character)
        self.check_room()
        session = Session(
            id=secrets.token_urlsafe(12),
            character=character,
            executor=self._executor,
            clock=self._clock,
            timings=self._metrics.timings,
            on_end=self._ended,
            connection=new_connection(self._ice_servers.own()),
            seed=secrets.randbelow(1 << 31),
            number=next(self._numbers),
            control=self._control,
        )
        self._live[session.id] = session
        try:
            sdp = await answer(offer, session, local_only=self._local_only)
        except BadOffer:
            await session.end("bad offer")
            raise
        except BaseException:  # a caller who hung up meanwhile, or an error of ours
            session.end_soon("failed")
            raise
        self._metrics.sessions_started += 1
        return session, sdp

    def find(self, session_id: str) -> Session:
        """Raises NotFound."""
        if session_id not in self._live:
            raise NotFound("this session has ended, or never was: POST /sessions starts one")
        return self._live[session_id]

    async def end_all(self, within_s: float) -> None:
        """Let nobody else in and end all side by side; what takes longer is abandoned."""
        self._closing = True
        ends = [asyncio.create_task(s.end("server stops")) for s in self._live.values()]
        if ends:
            await asyncio.wait(ends, timeout=within_s)

    def _refuse(self, why: str) -> None:
        self._metrics.sessions_refused += 1
        raise Busy(why)

    def _sample(self) -> None:
        if self._capacity is None:
            return
        total = self._metrics.ended
        for counts in self.counts():
            total = total.plus(counts)
        sample = capacity.Sample(
            self._clock.now_ns() / 1e9,
            self._cpu_ns() / 1e9,
            len(self._live),
            total.sent + total.missed_slots,
            total.repeated + total.late + total.missed_slots,
        )
        self._capacity = capacity.step(sample, self._capacity)

    def _ended(self, session: Session, reason: str) -> None:
        self._live.pop(session.id, None)
        self._metrics.ended = self._metrics.ended.plus(session.counts)
        if reason == "failed":
            self._metrics.sessions_failed += 1
