"""Uploads become files, within bounds, and nothing of them stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import server.uploads
from engine.errors import BadPhoto
from server.problems import answer_errors
from server.uploads import BUNDLE, KINDS, Kind, kind_of, received

SMALL = Kind("photo", ".jpg", 1000)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[TestClient]:
    async def take(request: web.Request) -> web.Response:
        async with received(request, tmp_path / "kept", SMALL) as upload:
            assert upload.parent.parent == tmp_path / "kept"
            return web.json_response({"name": upload.name, "size": upload.stat().st_size})

    app = web.Application(middlewares=[answer_errors], client_max_size=10)
    app.router.add_post("/", take)
    async with TestClient(TestServer(app)) as client:
        yield client


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 100
        await asyncio.sleep(0)


async def test_a_body_is_a_file_while_it_is_needed(client: TestClient, tmp_path: Path) -> None:
    answer = await client.post("/", data=b"x" * 1000)
    assert await answer.json() == {"name": "photo.jpg", "size": 1000}
    assert list((tmp_path / "kept").iterdir()) == []


async def test_what_is_too_large_is_refused_whether_it_says_so_or_not(
    client: TestClient, tmp_path: Path
) -> None:
    for body in (b"x" * 1001, chunks(11)):
        answer = await client.post("/", data=body)
        assert answer.status == 413
        assert "expected at most that" in (await answer.json())["detail"]
    assert not any((tmp_path / "kept").iterdir())


async def test_what_is_empty_or_never_ends(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await client.post("/", data=b"")
    assert answer.status == 422
    assert "choose the file again" in (await answer.json())["detail"]
    monkeypatch.setattr(server.uploads, "_WITHIN_S", 0.0)
    answer = await client.post("/", data=chunks(5))
    assert answer.status == 422
    assert "took longer" in (await answer.json())["detail"]


def test_kinds() -> None:
    assert kind_of("image/jpeg").suffix == ".jpg"
    assert kind_of("video/webm").most_bytes > KINDS["image/png"].most_bytes
    assert BUNDLE.suffix == ".avatar"
    with pytest.raises(BadPhoto, match="application/pdf"):
        kind_of("application/pdf")
