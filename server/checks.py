"""How good an upload is, before anything is made of it: ``export.checker`` in its own processes.

Loading what looks at a photo takes longer than the look. So a process is made ready when somebody
is about to choose a photo, waits for one, looks at it and ends; one that nobody needs ends by
itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.errors import BadPhoto, MissingExtra
from server.confined import CORES, Bounds, environment
from server.problems import Busy

__all__ = ["Checks", "checker_command"]

logger = logging.getLogger(__name__)

CHECK_WITHIN_S = 60.0
WAITS_S = 120.0
MOST_AT_A_TIME = 2
BOUNDS = Bounds(memory_mb=6000 + 128 * CORES, cpu_s=60, file_mb=1)

Command = Callable[[], Sequence[str]]


def checker_command() -> Sequence[str]:
    """How the checker is called. Raises MissingExtra where it could not run."""
    if find_spec("mediapipe") is None or find_spec("onnx") is None:
        raise MissingExtra("looking at a photo", "photo")
    return [sys.executable, "-m", "export.checker"]


class Checks:
    """At most two at a time, and one process that waits for the next."""

    def __init__(
        self,
        command: Command = checker_command,
        bounds: Bounds = BOUNDS,
        waits_s: float = WAITS_S,
    ) -> None:
        self._command = command
        self._bounds = bounds
        self._waits_s = waits_s
        self._waiting: Process | None = None
        self._giving_up: asyncio.TimerHandle | None = None
        self._looking: set[Process] = set()

    async def prepare(self) -> None:
        """Have a process ready for the next upload. Raises MissingExtra."""
        self._command()
        if self._waiting is None or self._waiting.returncode is not None:
            self._waiting = await self._start()
        if self._giving_up is not None:
            self._giving_up.cancel()
        loop = asyncio.get_running_loop()
        self._giving_up = loop.call_later(self._waits_s, self._end_waiting)

    async def check(self, upload: Path) -> dict[str, Any]:
        """What ``export.check.Check.described`` says of a file.

        Raises BadPhoto for one that can not be read, Busy, MissingExtra.
        """
        self._command()
        if len(self._looking) >= MOST_AT_A_TIME:
            raise Busy("other photos are being looked at: try again in a moment")
        process, self._waiting = self._waiting, None
        if process is None or process.returncode is not None:
            process = await self._start()
        self._looking.add(process)
        try:
            async with asyncio.timeout(CHECK_WITHIN_S):
                answer = await _answer(process, upload)
        except TimeoutError:
            answer = None
        finally:
            self._looking.discard(process)
            await _end(process)
        if answer is None:
            logger.error("a check ended with code %s and no answer", process.returncode)
            raise BadPhoto(
                "the file could not be looked at in the time and memory that it may have, expected "
                "a photo or video of usual size: try a smaller one"
            )
        if "error" in answer:
            raise BadPhoto(str(answer["error"])[:500])
        return answer

    async def stop(self) -> None:
        """End all of them."""
        self._end_waiting()
        for process in list(self._looking):
            await _end(process)

    def _end_waiting(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
        if self._waiting is not None and self._waiting.returncode is None:
            self._waiting.kill()
        self._waiting = None

    async def _start(self) -> Process:
        return await asyncio.create_subprocess_exec(
            *self._bounds.around(self._command()),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            limit=1 << 20,
            env=environment(),
        )


async def _answer(process: Process, upload: Path) -> dict[str, Any] | None:
    """The process's word on a file; None if it broke over it."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(f"{upload}\n".encode())
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return None
    async for line in process.stdout:
        try:
            said = json.loads(line)
        except ValueError:
            continue  # whatever a library may print
        if isinstance(said, dict) and "ready" not in said:
            return said
    return None


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
