"""Making avatars from uploaded photos and videos, each in a process of its own.

The server never imports torch or mediapipe, and never decodes what was uploaded: a file that makes
a decoder crash, or ask for all the memory there is, takes down its own process only. That one has
bounds (``server.confined``), less priority than the sessions, and none of the server's secrets.
One export at a time; it leaves one core to the sessions. The process reports on its standard
output, one JSON object a line::

    {"stage": "tuning", "percent": 40.0, "seconds_left": 12.5}
    {"note": "the photo is blurred ..."}
    {"usable": true}

The last one says that a first avatar is in place, which a better one will replace. The process
ends with exit code 0 and the bundle in place, or with an error message as its last line on
standard error.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import shutil
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.errors import MissingExtra
from server.confined import CORES, Bounds, environment
from server.jobs import Job, Order
from server.metrics import Metrics
from server.problems import Busy, NotFound

__all__ = ["QUALITIES", "Exports", "engine_command"]

logger = logging.getLogger(__name__)

QUALITIES = ("fast", "best")
RIGHTS = "the person who uploaded the picture confirmed: this is me, or I have their permission"
EXPORT_WITHIN_S = 30 * 60
# Measured at 512 pixels with torch on one thread: 1.9 GB of address space for 0.85 GB in use. Each
# further thread reserves up to 72 MB. The rest is for larger photos and slower machines.
BOUNDS = Bounds(memory_mb=6000 + 128 * CORES, cpu_s=EXPORT_WITHIN_S * CORES, file_mb=256)
REFUSED = 2  # exit code of the command line for bad input, said in one line that people can read
MOST_KEPT = 16

Command = Callable[[Path, Path, Order], Sequence[str]]


def engine_command(photo: Path, bundle: Path, order: Order) -> Sequence[str]:
    """How `engine export` is called. Raises MissingExtra where it could not run."""
    if find_spec("mediapipe") is None or find_spec("onnx") is None:
        raise MissingExtra("making an avatar", "photo")
    if order.quality == "best" and find_spec("torch") is None:
        raise MissingExtra("making an avatar of quality best", "export")
    return [
        sys.executable, "-m", "engine.cli", "export", "--identity", str(photo),
        "--out", str(bundle), "--title", order.title, "--quality", order.quality,
        "--progress", "json", "--rights", RIGHTS,
    ]  # fmt: skip


class Exports:
    """The exports of one server. ``on_made`` gets the name and the file of each new avatar."""

    def __init__(
        self,
        folder: Path,
        metrics: Metrics,
        on_made: Callable[[str, Path], None],
        command: Command = engine_command,
        bounds: Bounds = BOUNDS,
    ) -> None:
        self._folder = folder
        self._metrics = metrics
        self._on_made = on_made
        self._command = command
        self._bounds = bounds
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._running: asyncio.Task[None] | None = None
        self._cancelled = False  # whether somebody asked the running one to end

    def qualities(self) -> list[str]:
        """Those for which what is needed is installed."""
        return [quality for quality in QUALITIES if self._installed(quality)]

    @property
    def folder(self) -> Path:
        """Where avatars are kept, and uploads on their way there."""
        return self._folder

    def check(self, quality: str = QUALITIES[0]) -> None:
        """Whether an upload would be taken now. Raises MissingExtra, Busy."""
        self._command(Path("photo"), Path("bundle"), Order("", "", quality))
        if self._running is not None:
            raise Busy("an avatar is being made already: wait until it is ready and try again")

    def start(self, upload: Path, order: Order) -> Job:
        """Begin to make an avatar of a file, which is taken away. Raises as ``check``."""
        self.check(order.quality)
        scratch = Path(tempfile.mkdtemp(dir=self._folder, prefix=".making-"))
        photo = upload.replace(scratch / upload.name)
        job = Job(secrets.token_urlsafe(12), order)
        self._jobs[job.id] = job
        while len(self._jobs) > MOST_KEPT:
            self._jobs.popitem(last=False)
        self._metrics.exports_started += 1
        self._cancelled = False
        self._running = asyncio.create_task(self._run(job, photo, scratch))
        self._running.add_done_callback(lambda task: self._ran(task, scratch))
        return job

    def find(self, job_id: str) -> Job:
        """Raises NotFound."""
        if job_id not in self._jobs:
            raise NotFound("no export has this address: POST /avatars starts one")
        return self._jobs[job_id]

    def jobs(self) -> list[Job]:
        """The running one and the last ones, oldest first."""
        return list(self._jobs.values())

    async def cancel(self, job: Job) -> None:
        """End a job that is not over; a quick avatar that is served already stays."""
        if not job.over and self._running is not None:  # there is one at a time
            self._cancelled = True
            await self.stop()
            if not job.over:  # it had not begun, and so has not ended either
                await job.tell({"cancelled": True, "usable": False}, over=True)

    async def stop(self) -> None:
        """End the running export; nothing half-made stays."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running], timeout=1)

    def _installed(self, quality: str) -> bool:
        try:
            self._command(Path("photo"), Path("bundle"), Order("", "", quality))
        except MissingExtra:
            return False
        return True

    def _ran(self, task: asyncio.Task[None], scratch: Path) -> None:
        self._running = None
        shutil.rmtree(scratch, ignore_errors=True)  # of one that was ended before it began
        if not task.cancelled() and task.exception() is not None:
            logger.error("an export failed in the server", exc_info=task.exception())

    async def _run(self, job: Job, photo: Path, scratch: Path) -> None:
        error: str | None = "the export failed in the server: see its log"
        try:
            made = scratch / f"{job.name}.avatar"
            error = await self._export(job, photo, made)
            if error is None:
                await self._serve(job, made)
        except asyncio.CancelledError:
            error = None if self._cancelled else "the server stops"
            raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            self._metrics.exports_failed += error is not None
            last: dict[str, Any] = {"done": True, "name": job.name}
            if error:
                stays = "the quick avatar stays, a better one was not made: " if job.usable else ""
                last = {"error": stays + error}
            elif self._cancelled:
                last = {"cancelled": True, "usable": job.usable}
            await job.tell(last, over=True)

    async def _serve(self, job: Job, made: Path) -> None:
        """Put a bundle beside the others, under its name at once or not at all."""
        ready = made.with_suffix(".ready")
        await asyncio.to_thread(shutil.copyfile, made, ready)
        ready.replace(self._folder / made.name)
        self._on_made(job.name, self._folder / made.name)

    async def _export(self, job: Job, upload: Path, made: Path) -> str | None:
        """Run the process to its end: None, or what went wrong."""
        process = await asyncio.create_subprocess_exec(
            *self._bounds.around(self._command(upload, made, job.order)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 20,
            env=environment(),
        )
        assert process.stdout is not None
        assert process.stderr is not None
        complaint = asyncio.create_task(_last_line(process.stderr))
        try:
            async with asyncio.timeout(EXPORT_WITHIN_S):
                async for line in process.stdout:
                    event = _event(line)
                    if event is not None and event.get("usable"):
                        await self._serve(job, made)
                        job.usable = True
                        event |= {"name": job.name}
                    if event is not None:
                        await job.tell(event)
                code = await process.wait()
                said = await complaint
        except TimeoutError:
            return f"the export took longer than {EXPORT_WITHIN_S // 60} minutes and was stopped"
        finally:
            complaint.cancel()
            if process.returncode is None:
                process.kill()
                await process.wait()
        if code == 0 and await asyncio.to_thread(made.is_file):
            return None
        if code == REFUSED and said:
            return said
        logger.error("an export ended with code %d: %s", code, said or "it said nothing")
        return (
            "the export failed, or needed more memory or time than it may have, expected a photo "
            "or video of usual size: try a smaller one; the server's log says more"
        )


def _event(line: bytes) -> dict[str, Any] | None:
    """A line of progress, or None for anything else that a library may print."""
    try:
        event = json.loads(line)
        if event.get("usable") is True:
            return {"usable": True}
        for told in ("note", "measured"):
            if told in event:
                return {told: str(event[told])[:500]}
        return {
            "stage": str(event["stage"])[:80],
            "percent": min(100.0, max(0.0, float(event["percent"]))),
            "seconds_left": event.get("seconds_left"),
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


async def _last_line(stream: asyncio.StreamReader) -> str:
    """The last line that is not empty: the error message, where there is one."""
    last = ""
    async for line in stream:
        last = line.decode(errors="replace").strip() or last
    return last.removeprefix("error: ")[:500]
