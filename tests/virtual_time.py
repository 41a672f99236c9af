"""An event loop whose time stands still while there is work and jumps to the next timer.

An hour of pacing takes a second, and nothing depends on how fast the machine is. Time does not wait
for threads: whatever would go to an executor has to run inline (``InlineExecutor``), or to take
its time on the loop's clock (``SlowExecutor``).
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

T = TypeVar("T")

__all__ = ["InlineExecutor", "LoopClock", "SlowExecutor", "run"]


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: asked to, it says how long the wait would have been."""

    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self._jump(timeout)
        assert ready or timeout is not None, "everything waits, and no timer is set: a deadlock"
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._now = 1000.0
        super().__init__(_JumpingSelector(self._advance))

    def time(self) -> float:
        return self._now

    def _advance(self, seconds: float) -> None:
        self._now += seconds


class LoopClock:
    """``engine.clock.Clock`` on the running loop's own time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def now_ns(self) -> int:
        return round(self._loop.time() * 1e9)


class InlineExecutor(Executor):
    """Runs what it is given at once, in the caller's thread, and is counted."""

    def __init__(self) -> None:
        self.jobs = 0

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        self.jobs += 1
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # belongs to whoever awaits the future
            future.set_exception(error)
        return future


class SlowExecutor(Executor):
    """One worker that takes ``seconds`` of virtual time for each job, one after the other."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._free_at = 0.0

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        loop = asyncio.get_running_loop()
        begins = max(loop.time(), self._free_at)
        self._free_at = begins + self.seconds
        future: Future[T] = Future()

        def work() -> None:
            result = fn(*args, **kwargs)
            loop.call_later(self.seconds, future.set_result, result)

        loop.call_at(begins, work)
        return future


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine function to its end in virtual time."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(main())
