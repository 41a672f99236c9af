"""Checks in processes of their own, which stand in for ``export.checker``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

import server.checks
from engine.errors import BadPhoto, MissingExtra
from server.checks import Checks, checker_command
from server.confined import Bounds
from server.problems import Busy

ANSWERS = """
import json, os, sys
print("a library says hello")
print(json.dumps({"ready": True}), flush=True)
path = sys.stdin.readline().strip()
print(json.dumps({"usable": True, "path": path, "pid": os.getpid()}), flush=True)
"""
REFUSES = ANSWERS.replace('"usable": True', '"error": "photo.jpg is no picture"')
BREAKS = "import sys; sys.stdin.readline()"
HUNGRY = "import sys; sys.stdin.readline(); x = bytearray(1 << 30)"
SLOW = "import time; time.sleep(60)"


def checks(script: str, **options: float) -> Checks:
    bounds = Bounds(memory_mb=400, cpu_s=5, file_mb=1)
    return Checks(lambda: [sys.executable, "-c", script], bounds, **options)


async def test_answers_with_or_without_a_process_that_was_ready() -> None:
    looking = checks(ANSWERS)
    first = await looking.check(Path("a.jpg"))
    assert first["path"] == "a.jpg"
    await looking.prepare()
    await looking.prepare()
    assert looking._waiting is not None
    ready = looking._waiting.pid
    second = await looking.check(Path("b.jpg"))
    assert (second["path"], second["pid"]) == ("b.jpg", ready)
    third = await looking.check(Path("c.jpg"))
    assert third["pid"] != ready, "a process looks at one file only"
    await looking.stop()


async def test_one_that_nobody_needs_ends_by_itself() -> None:
    looking = checks(SLOW, waits_s=0.0)
    await looking.prepare()
    process = looking._waiting
    assert process is not None
    async with asyncio.timeout(10):
        assert await process.wait() < 0
    assert looking._waiting is None


@pytest.mark.parametrize("script", [BREAKS, HUNGRY])
async def test_a_file_that_breaks_it_is_said_to_be_at_fault(script: str) -> None:
    with pytest.raises(BadPhoto, match="try a smaller one"):
        await checks(script).check(Path("a.jpg"))


async def test_its_own_words_are_passed_on() -> None:
    with pytest.raises(BadPhoto, match=r"photo\.jpg is no picture"):
        await checks(REFUSES).check(Path("a.jpg"))


async def test_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.checks, "CHECK_WITHIN_S", 0.2)
    with pytest.raises(BadPhoto, match="time and memory"):
        await checks(SLOW).check(Path("a.jpg"))


async def test_two_at_a_time_and_all_ended_with_the_server() -> None:
    looking = checks(SLOW)
    running = [asyncio.create_task(looking.check(Path("a.jpg"))) for _ in range(2)]
    while len(looking._looking) < 2:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)
    with pytest.raises(Busy, match="a moment"):
        await looking.check(Path("b.jpg"))
    await looking.stop()
    for task in running:
        with pytest.raises(BadPhoto):
            await task


def test_without_the_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.checks, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"avatar-engine\[photo\]"):
        checker_command()
