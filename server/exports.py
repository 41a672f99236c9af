"""Making avatars from uploaded photos, each in a process of its own.

The server never imports torch or mediapipe, and never decodes what was uploaded: a photo that makes
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
import os
import secrets
import shutil
import sys
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.errors import BadPhoto, MissingExtra
from server.confined import Bounds
from server.metrics import Metrics
from server.problems import Busy, NotFound

__all__ = ["QUALITIES", "Exports", "Job", "Order", "engine_command"]

logger = logging.getLogger(__name__)

QUALITIES = ("fast", "best")
KINDS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "image/heif": ".heic",
}
RIGHTS = "the person who uploaded the photo confirmed: this is me, or I have their permission"
EXPORT_WITHIN_S = 30 * 60
# Measured at 512 pixels with torch on one thread: 1.9 GB of address space for 0.85 GB in use. Each
# further thread reserves up to 72 MB. The rest is for larger photos and slower machines.
_CORES = os.cpu_count() or 2
BOUNDS = Bounds(memory_mb=6000 + 128 * _CORES, cpu_s=EXPORT_WITHIN_S * _CORES, file_mb=256)
REFUSED = 2  # exit code of the command line for bad input, said in one line that people can read
MOST_KEPT = 16
MOST_EVENTS = 2000

Command = Callable[[Path, Path, "Order"], Sequence[str]]


@dataclass(frozen=True)
class Order:
    """What is to be made. ``name``: of the file and in addresses; ``title``: what people see;
    ``quality``: "fast" or "best"."""

    name: str
    title: str
    quality: str = "fast"


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


@dataclass
class Job:
    """One export. Events are kept, so that whoever looks late sees all of them; bounded.
    usable: whether a first avatar is served already."""

    id: str
    name: str
    usable: bool = False
    events: list[dict[str, Any]] = field(default_factory=list)
    over: bool = False
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def tell(self, event: dict[str, Any], *, over: bool = False) -> None:
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

    def qualities(self) -> list[str]:
        """Those for which what is needed is installed."""
        return [quality for quality in QUALITIES if self._installed(quality)]

    def check(self, content_type: str, quality: str = QUALITIES[0]) -> None:
        """Whether an upload of this type would be taken. Raises MissingExtra, Busy, BadPhoto."""
        self._command(Path("photo"), Path("bundle"), Order("", "", quality))
        if self._running is not None:
            raise Busy("an avatar is being made already: wait until it is ready and try again")
        if content_type not in KINDS:
            raise BadPhoto(
                f"got {content_type}, expected {', '.join(KINDS)}: save the photo as a JPEG file"
            )

    def start(self, photo: bytes, content_type: str, order: Order) -> Job:
        """Begin to make an avatar. Raises as ``check``."""
        self.check(content_type, order.quality)
        if not photo:
            raise BadPhoto("the upload is empty, expected a photo: choose the file again")
        job = Job(secrets.token_urlsafe(12), order.name)
        self._jobs[job.id] = job
        while len(self._jobs) > MOST_KEPT:
            self._jobs.popitem(last=False)
        self._metrics.exports_started += 1
        self._running = asyncio.create_task(self._run(job, photo, KINDS[content_type], order))
        self._running.add_done_callback(self._ran)
        return job

    def find(self, job_id: str) -> Job:
        """Raises NotFound."""
        if job_id not in self._jobs:
            raise NotFound("no export has this address: POST /avatars starts one")
        return self._jobs[job_id]

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

    def _ran(self, task: asyncio.Task[None]) -> None:
        self._running = None
        if not task.cancelled() and task.exception() is not None:
            logger.error("an export failed in the server", exc_info=task.exception())

    async def _run(self, job: Job, photo: bytes, suffix: str, order: Order) -> None:
        error: str | None = "the export failed in the server: see its log"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=".making-") as scratch:
                upload = Path(scratch) / f"photo{suffix}"
                made = Path(scratch) / f"{job.name}.avatar"
                await asyncio.to_thread(upload.write_bytes, photo)
                error = await self._export(job, upload, made, order)
                if error is None:
                    await self._serve(job, made)
        except asyncio.CancelledError:
            error = "the server stops"
            raise
        finally:
            self._metrics.exports_failed += error is not None
            last = {"error": error} if error else {"done": True, "name": job.name}
            if error and job.usable:
                last["error"] = f"the quick avatar stays, a better one was not made: {error}"
            await job.tell(last, over=True)

    async def _serve(self, job: Job, made: Path) -> None:
        """Put a bundle beside the others, under its name at once or not at all."""
        ready = made.with_suffix(".ready")
        await asyncio.to_thread(shutil.copyfile, made, ready)
        ready.replace(self._folder / made.name)
        self._on_made(job.name, self._folder / made.name)

    async def _export(self, job: Job, upload: Path, made: Path, order: Order) -> str | None:
        """Run the process to its end: None, or what went wrong."""
        process = await asyncio.create_subprocess_exec(
            *self._bounds.around(self._command(upload, made, order)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 20,
            env=_environment(),
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
            "of usual size: try a smaller one; the server's log says more"
        )


def _environment() -> dict[str, str]:
    """Of the server, without its secrets, and with threads for all cores but one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AVATAR_")}
    return kept | {"OMP_NUM_THREADS": str(max(1, _CORES - 1))}


def _event(line: bytes) -> dict[str, Any] | None:
    """A line of progress, or None for anything else that a library may print."""
    try:
        event = json.loads(line)
        if event.get("usable") is True:
            return {"usable": True}
        if "note" in event:
            return {"note": str(event["note"])[:500]}
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
