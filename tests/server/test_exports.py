"""Exports with processes of their own, which stand in for ``engine export``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

import server.exports
from engine.errors import MissingExtra
from server.app import Settings, make_app
from server.confined import Bounds
from server.exports import BOUNDS, Exports, engine_command
from server.jobs import Job, Order
from server.keys import EXPORTS, GALLERY, METRICS
from server.metrics import Metrics
from server.problems import Busy, NotFound
from tests.server.conftest import synthetic

GOOD = """
import json, pathlib, sys
photo, bundle = map(pathlib.Path, sys.argv[1:3])
print("loading libraries, a line that is no event")
for percent in (0, 40, 250):
    print(json.dumps({"stage": "tuning", "percent": percent, "seconds_left": 1}), flush=True)
print(json.dumps({"measured": "27 dB"}), flush=True)
bundle.write_bytes(photo.read_bytes()[::-1])
"""
TWICE = """
import json, pathlib, sys, time
bundle = pathlib.Path(sys.argv[2])
bundle.write_text("first")
print(json.dumps({"usable": True}), flush=True)
print(json.dumps({"stage": "tuning", "percent": 50}), flush=True)
while not (bundle.parent.parent / bundle.name).exists():
    time.sleep(0.01)
bundle.with_suffix(".tmp").write_text("second")
bundle.with_suffix(".tmp").replace(bundle)
"""
CRASHING = """
import sys
sys.stderr.write("Traceback (most recent call last):\\n/home/somebody/secret.py\\n")
sys.exit(1)
"""
HUNGRY = "x = bytearray(1 << 30); print(len(x))"
RESTLESS = "while True: pass"
CURIOUS = """
import os, pathlib, sys
pathlib.Path(sys.argv[2]).write_text(repr([k for k in os.environ if k.startswith("AVATAR_")]))
"""
BAD = "import sys; sys.stderr.write('note: x\\nerror: no face was found\\n\\n'); sys.exit(2)"
SILENT = "pass"
ENDLESS = 'import time; print(\'{"stage": "tuning", "percent": 1}\', flush=True); time.sleep(60)'


def running(script: str) -> server.exports.Command:
    def command(photo: Path, bundle: Path, order: Order) -> Sequence[str]:
        return [sys.executable, "-c", script, str(photo), str(bundle), order.title]

    return command


class Workshop:
    def __init__(self, folder: Path, script: str, bounds: Bounds = BOUNDS) -> None:
        self.folder = folder
        self.made: list[tuple[str, Path]] = []
        self.metrics = Metrics()
        self.exports = Exports(
            folder, self.metrics, lambda *made: self.made.append(made), running(script), bounds
        )

    def start(self, name: str = "ada", quality: str = "fast") -> Job:
        self.folder.mkdir(exist_ok=True)
        upload = self.folder.parent / "photo.jpg"
        upload.write_bytes(b"photo")
        return self.exports.start(upload, Order(name, name.title(), quality))

    async def make(self) -> list[dict[str, object]]:
        return [event async for event in self.start().follow()]

    def left(self) -> list[str]:
        return sorted(p.name for p in self.folder.iterdir())


async def test_reports_on_the_way_and_puts_the_bundle_in_place(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "avatars", GOOD)
    events = await workshop.make()
    assert [e.get("percent") for e in events] == [0, 40, 100, None, None]
    assert events[-2] == {"measured": "27 dB"}
    assert events[-1] == {"done": True, "name": "ada"}
    assert workshop.made == [("ada", workshop.folder / "ada.avatar")]
    assert (workshop.folder / "ada.avatar").read_bytes() == b"otohp"
    assert workshop.left() == ["ada.avatar"]


@pytest.mark.parametrize(
    ("script", "said"),
    [(BAD, "no face was found"), (SILENT, "the export failed"), (CRASHING, "the export failed")],
)
async def test_a_failure_says_why_and_leaves_nothing(
    tmp_path: Path, script: str, said: str
) -> None:
    workshop = Workshop(tmp_path / "avatars", script)
    events = await workshop.make()
    assert str(events[-1]["error"]).startswith(said) or said in str(events[-1]["error"])
    assert "error:" not in str(events[-1]["error"])
    assert "somebody" not in str(events[-1]["error"]), "what went wrong inside stays in the log"
    assert workshop.made == []
    assert workshop.left() == []
    assert workshop.metrics.exports_failed == 1


async def test_a_first_avatar_is_served_while_a_better_one_is_made(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "avatars", TWICE)
    job = workshop.start(quality="best")
    served = []
    async for event in job.follow():
        if event.get("usable") or event.get("done"):
            served.append((workshop.folder / "ada.avatar").read_text())
            assert event["name"] == "ada"
    assert served == ["first", "second"]
    assert len(workshop.made) == 2
    assert workshop.left() == ["ada.avatar"]


@pytest.mark.parametrize("script", [HUNGRY, RESTLESS])
async def test_what_asks_for_too_much_is_ended(
    tmp_path: Path, script: str, caplog: pytest.LogCaptureFixture
) -> None:
    workshop = Workshop(tmp_path / "avatars", script, Bounds(memory_mb=400, cpu_s=1, file_mb=1))
    async with asyncio.timeout(20):
        events = await workshop.make()
    assert "more memory or time" in str(events[-1]["error"])
    assert ("MemoryError" in caplog.text) == (script == HUNGRY)
    assert workshop.left() == []


async def test_the_server_keeps_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVATAR_TOKEN", "tell nobody")
    workshop = Workshop(tmp_path / "avatars", CURIOUS)
    await workshop.make()
    assert (workshop.folder / "ada.avatar").read_text() == "[]"


async def test_one_at_a_time_and_stopped_with_the_server(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "avatars", ENDLESS)
    job = workshop.start()
    events = job.follow()
    assert (await anext(events))["percent"] == 1
    with pytest.raises(Busy, match="already"):
        workshop.start("ben")
    await workshop.exports.stop()
    assert "stops" in (await anext(events))["error"]
    assert workshop.left() == []


async def test_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.exports, "EXPORT_WITHIN_S", 0.5)
    events = await Workshop(tmp_path / "avatars", ENDLESS).make()
    assert "longer than" in str(events[-1]["error"])


async def test_a_cancelled_one_ends_at_once_and_is_no_failure(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "avatars", ENDLESS)
    job = workshop.start()
    events = job.follow()
    assert (await anext(events))["percent"] == 1
    assert [j.described()["over"] for j in workshop.exports.jobs()] == [False]
    await workshop.exports.cancel(job)
    assert await anext(events) == {"cancelled": True, "usable": False}
    assert job.over
    assert workshop.metrics.exports_failed == 0
    assert workshop.left() == []
    await workshop.exports.cancel(job)  # once more is no matter
    assert workshop.start("ben").name == "ben", "there is room for the next"
    await workshop.exports.stop()


async def test_cancelled_after_the_quick_avatar_leaves_that(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "avatars", TWICE + "time.sleep(60)")
    job = workshop.start(quality="best")
    async for event in job.follow():
        if event.get("percent") == 50:
            await workshop.exports.cancel(job)
    assert job.events[-1] == {"cancelled": True, "usable": True}
    assert workshop.left() == ["ada.avatar"]


async def test_one_cancelled_before_it_began_is_over_as_well(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "avatars", ENDLESS)
    job = workshop.start()
    await workshop.exports.cancel(job)
    assert [event async for event in job.follow()][-1]["cancelled"]
    assert workshop.left() == []


async def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Workshop(tmp_path / "avatars", GOOD).exports.find("nothing")


async def test_a_late_listener_hears_all_of_it(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "avatars", GOOD)
    job = workshop.start()
    first = [event async for event in job.follow()]
    again = [event async for event in workshop.exports.find(job.id).follow()]
    assert first == again


def test_without_the_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.exports, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'avatar-engine\[photo\]'"):
        engine_command(Path("a"), Path("b"), Order("x", "X"))
    light = {"onnx", "mediapipe"}
    monkeypatch.setattr(server.exports, "find_spec", lambda name: name in light or None)
    assert engine_command(Path("a"), Path("b"), Order("x", "X"))
    with pytest.raises(MissingExtra, match=r"pip install 'avatar-engine\[export\]'"):
        engine_command(Path("a"), Path("b"), Order("x", "X", "best"))
    exports = Exports(Path("nowhere"), Metrics(), lambda *_: None)
    assert exports.qualities() == ["fast"]
    monkeypatch.setattr(server.exports, "find_spec", lambda name: object())
    command = engine_command(Path("a"), Path("b"), Order("x", "--title", "best"))
    assert command[command.index("--title") + 1] == "--title"
    assert command[command.index("--quality") + 1] == "best"
    assert "permission" in command[command.index("--rights") + 1]


async def test_over_http_a_photo_becomes_an_avatar_that_is_served(tmp_path: Path) -> None:
    app = make_app({"ada": synthetic}, Settings(workers=1))

    def made(name: str, bundle: Path) -> None:
        app[GALLERY].add(name, lambda: synthetic(name, bundle.read_bytes().decode()))

    app[EXPORTS] = Exports(tmp_path, app[METRICS], made, running(GOOD))
    async with TestClient(TestServer(app)) as client:
        jpeg = {"Content-Type": "image/jpeg"}
        for query in ("", "?name=Ada", "?name=%20&rights=yes", "?name=A&rights=yes&quality=x"):
            refused = await client.post(f"/avatars{query}", data=b"x", headers=jpeg)
            assert refused.status == 422, query
        large = b"x" * 300_000  # more than a session's offer may be
        started = await client.post("/avatars?name=Ada%20L.&rights=yes", data=large, headers=jpeg)
        assert started.status == 202, await started.text()
        assert (await started.json())["name"] == "ada-l"
        events = await client.get(started.headers["Location"])
        assert events.content_type == "text/event-stream"
        assert events.headers["X-Content-Type-Options"] == "nosniff"
        lines = (await events.text()).split("\n\n")
        assert json.loads(lines[-2].removeprefix("data: ")) == {"done": True, "name": "ada-l"}
        avatars = (await (await client.get("/avatars")).json())["avatars"]
        assert [a["name"] for a in avatars] == ["ada", "ada-l"]
        twice = await client.post("/avatars?name=ada&rights=yes", data=b"x", headers=jpeg)
        assert (await twice.json())["name"] == "ada-2", "nobody's avatar is replaced"
        async with asyncio.timeout(10):
            await (await client.get(twice.headers["Location"])).read()
        huge = await client.post("/avatars?name=b&rights=yes", data=b"x" * (21 << 20), headers=jpeg)
        assert huge.status == 413
        film = {"Content-Type": "video/webm;codecs=vp9"}
        long = await client.post("/avatars?name=c&rights=yes", data=b"x" * (21 << 20), headers=film)
        assert long.status == 202, "a video may be longer"
        async with asyncio.timeout(10):
            await (await client.get(long.headers["Location"])).read()
    assert sorted(os.listdir(tmp_path)) == ["ada-2.avatar", "ada-l.avatar", "c.avatar"]
