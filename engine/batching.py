"""Frames of several sessions in one call: while one batch is drawn, the next one gathers.

There is no timer: who comes to an idle device is drawn at once and alone, so one stream waits for
nobody. Under load the batches grow by themselves, to as many as asked while the last one was drawn.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["Batcher", "Gathering"]

Asked = TypeVar("Asked")
Given = TypeVar("Given")


class Gathering(Generic[Asked]):
    """Who waits and who is served, without threads and without time.

    most: in one batch. Bounded by the callers: each waits for its answer before it asks again.
    """

    def __init__(self, most: int) -> None:
        assert most > 0, f"batches of {most}, expected 1 or more"
        self._most = most
        self._waiting: deque[Asked] = deque()
        self._busy = False

    def arrive(self, asked: Asked) -> list[Asked]:
        """One more. Gives the batch to serve now: it alone, or nothing while another is served."""
        self._waiting.append(asked)
        return [] if self._busy else self.next()

    def next(self) -> list[Asked]:
        """A batch has been served. Gives the next one, first come first served; or nothing."""
        batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        self._busy = bool(batch)
        return batch


@dataclass(eq=False)
class _Request(Generic[Asked, Given]):
    """leads: the batch that its thread is to serve, once woken for that."""

    asked: Asked
    woken: threading.Event = field(default_factory=threading.Event)
    leads: list[_Request[Asked, Given]] = field(default_factory=list)
    given: list[Given] = field(default_factory=list)
    failure: BaseException | None = None


class Batcher(Generic[Asked, Given]):
    """Makes a function of batches look like one of single requests, to any number of threads.

    The thread of a batch's first request serves it, in the place of a thread that only hands over;
    then it wakes the others, and the first of the next batch.

    serve: asked ``[n]`` to given ``[n]``, 1 to ``most`` at a time. What it raises reaches everybody
    in that batch, and nobody else.
    """

    def __init__(self, serve: Callable[[Sequence[Asked]], Sequence[Given]], most: int) -> None:
        self._serve = serve
        self._gathering: Gathering[_Request[Asked, Given]] = Gathering(most)
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Given:
        """The answer to one request, in whatever batch it was given."""
        request: _Request[Asked, Given] = _Request(asked)
        with self._lock:
            batch = self._gathering.arrive(request)
        if not batch:
            request.woken.wait()
            batch = request.leads
        if batch:
            self._lead(batch)
        if request.failure is not None:
            raise request.failure
        return request.given[0]

    def _lead(self, batch: list[_Request[Asked, Given]]) -> None:
        try:
            given = self._serve([request.asked for request in batch])
            assert len(given) == len(batch), f"got {len(given)} answers to {len(batch)} requests"
            for request, answer in zip(batch, given, strict=True):
                request.given.append(answer)
        except BaseException as error:  # whoever waits would wait for ever
            for request in batch:
                request.failure = error
        finally:
            with self._lock:
                following = self._gathering.next()
            if following:
                following[0].leads = following
                following[0].woken.set()
            for request in batch[1:]:
                request.woken.set()
