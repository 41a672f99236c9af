"""The addresses of avatars, asked well and badly."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from engine.avatar import Avatar, builtin_avatars
from engine.clock import MonotonicClock
from server.app import Settings, add_keeping, make_app
from server.checks import Checks
from server.collection import Collection
from server.exports import Exports
from server.jobs import Order
from server.keys import CHECKS, COLLECTION, EXPORTS, GALLERY, METRICS
from server.library import Library
from tests import bundles

ZIP = {"Content-Type": "application/zip"}
JPEG = {"Content-Type": "image/jpeg"}
MAKE = """
import json, shutil, sys, time
shutil.copyfile({bundle!r}, sys.argv[1])
print(json.dumps({{"usable": True}}), flush=True)
time.sleep(60)
"""
LOOK = """
import json, sys
path = sys.stdin.readline().strip()
print(json.dumps({"usable": True, "size": len(open(path, "rb").read())}), flush=True)
"""
Start = Callable[..., Awaitable[TestClient]]


@pytest_asyncio.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """A server that keeps avatars in a folder, with one of its own and a built-in one."""
    clients: list[TestClient] = []
    made = str(bundles.bundle(tmp_path / "made.avatar", title="Made"))

    def command(photo: Path, bundle: Path, order: Order) -> list[str]:
        return [sys.executable, "-c", MAKE.format(bundle=made), str(bundle)]

    async def begin(**settings: object) -> TestClient:
        folder = tmp_path / "avatars"
        folder.mkdir()
        own = bundles.bundle(folder / "own.avatar", title="Own")
        library = Library(folder, MonotonicClock())
        name, builtin = next(iter(builtin_avatars().items()))
        files = {name: builtin, "own": own}
        chosen = Settings(**{"workers": 1, **settings})  # type: ignore[arg-type]
        app = make_app(library.loaders(files), chosen)
        add_keeping(app, Collection(library, app[GALLERY], files, chosen.changeable), chosen)
        app[EXPORTS] = Exports(folder, app[METRICS], app[COLLECTION].made, command)
        app[CHECKS] = Checks(lambda: [sys.executable, "-c", LOOK])
        client = TestClient(TestServer(app))
        await client.start_server()
        clients.append(client)
        return client

    yield begin
    for client in clients:
        await client.close()


async def entries(client: TestClient) -> dict[str, dict[str, object]]:
    listed = await (await client.get("/avatars")).json()
    return {entry["name"]: entry for entry in listed["avatars"]}


async def test_own_avatars_can_be_renamed_downloaded_and_deleted(
    start: Start, tmp_path: Path
) -> None:
    client = await start()
    listed = await entries(client)
    assert [entry["editable"] for entry in listed.values()] == [False, True]
    renamed = await client.patch("/avatars/own", json={"title": "Me"})
    assert renamed.status == 200
    assert (await renamed.json())["title"] == "Me"
    assert (await (await client.get("/avatars/own")).json())["title"] == "Me"

    download = await client.get(str(listed["own"]["bundle"]))
    assert download.content_type == "application/zip"
    assert download.headers["Content-Disposition"] == 'attachment; filename="own.avatar"'
    copy = tmp_path / "copy.avatar"
    copy.write_bytes(await download.read())
    assert Avatar.load(copy).title == "Me"

    assert (await client.delete("/avatars/own")).status == 204
    for method in (client.get, client.delete):
        assert (await method("/avatars/own")).status == 404
    assert "own" not in await entries(client)


async def test_built_in_ones_are_read_only_but_can_be_taken_along(start: Start) -> None:
    client = await start()
    name = next(iter(await entries(client)))
    assert (await client.delete(f"/avatars/{name}")).status == 403
    refused = await client.patch(f"/avatars/{name}", json={"title": "Mine"})
    assert refused.status == 403
    assert "read only" in (await refused.json())["detail"]
    copy = await (await client.get(f"/avatars/{name}/bundle.avatar")).read()
    taken = await client.post("/avatars?rights=yes", data=copy, headers=ZIP)
    assert taken.status == 201, await taken.text()
    assert taken.headers["Location"] == f"/avatars/{name}-2"
    assert (await taken.json())["editable"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'"x"', b"{}", b'{"title": 5}', b'{"title": "  "}', b"\xff", b"[" * 3000]
)
async def test_a_title_that_is_none_changes_nothing(start: Start, body: bytes) -> None:
    client = await start()
    assert (await client.patch("/avatars/own", data=body)).status == 422
    assert (await entries(client))["own"]["title"] == "Own"


async def test_bad_bundles_and_those_without_a_right_are_refused(start: Start) -> None:
    client = await start()
    assert (await client.post("/avatars", data=b"x", headers=ZIP)).status == 422
    refused = await client.post("/avatars?rights=yes", data=b"no zip", headers=ZIP)
    assert refused.status == 422
    assert "can not be opened" in (await refused.json())["detail"]
    large = await client.post("/avatars?rights=yes", data=b"x" * (65 << 20), headers=ZIP)
    assert large.status == 413
    assert len(await entries(client)) == 2


async def test_a_server_open_to_everybody_lets_nobody_change_anything(
    start: Start, tmp_path: Path
) -> None:
    client = await start(host="0.0.0.0", open_to_all=True)
    listed = await (await client.get("/avatars")).json()
    assert not listed["can_import"]
    assert not any(entry["editable"] for entry in listed["avatars"])
    assert (await client.delete("/avatars/own")).status == 403
    assert (await client.patch("/avatars/own", json={"title": "x"})).status == 403
    good = (tmp_path / "made.avatar").read_bytes()
    assert (await client.post("/avatars?rights=yes", data=good, headers=ZIP)).status == 403
    await client.post("/avatars?name=x&rights=yes", data=b"x", headers=JPEG)
    assert await (await client.get("/exports")).json() == {"exports": []}


async def test_jobs_are_listed_and_can_be_cancelled(start: Start) -> None:
    client = await start()
    started = await client.post(
        "/avatars?name=New&rights=yes&quality=best", data=b"x", headers=JPEG
    )
    location = started.headers["Location"]
    events = await client.get(location)
    assert b"usable" in await events.content.readline()
    (job,) = (await (await client.get("/exports")).json())["exports"]
    assert f"/exports/{job['id']}" == location
    assert (job["title"], job["usable"], job["over"]) == ("New", True, False)
    assert (await client.delete(location)).status == 204
    assert b"cancelled" in await events.read()
    assert "new" in await entries(client), "the quick one stays"
    assert (await client.delete("/exports/nothing")).status == 404


async def test_deleting_an_avatar_ends_what_is_being_made_of_it(start: Start) -> None:
    client = await start()
    started = await client.post(
        "/avatars?name=New&rights=yes&quality=best", data=b"x", headers=JPEG
    )
    events = await client.get(started.headers["Location"])
    assert b"usable" in await events.content.readline()
    assert (await client.delete("/avatars/new")).status == 204
    async with asyncio.timeout(10):
        assert b"cancelled" in await events.read()
    assert "new" not in await entries(client)


async def test_uploads_are_looked_at_and_not_kept(start: Start, tmp_path: Path) -> None:
    client = await start()
    assert (await client.post("/checks/prepare")).status == 204
    looked = await client.post("/checks", data=b"x" * 1234, headers=JPEG)
    assert await looked.json() == {"usable": True, "size": 1234}
    assert (await client.post("/checks", data=b"x", headers=ZIP)).status == 422
    assert [p.name for p in (tmp_path / "avatars").iterdir()] == ["own.avatar"]


async def test_renaming_all_the_time_is_slowed_down(start: Start) -> None:
    client = await start()
    answers = [(await client.delete("/avatars/nobody")).status for _ in range(32)]
    assert answers[:30] == [404] * 30
    assert answers[30:] == [429] * 2
