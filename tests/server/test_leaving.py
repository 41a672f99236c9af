"""Callers come and go, politely or not, and the server ends: nothing of them stays."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import weakref
from pathlib import Path

import aiohttp
import numpy as np
import psutil
import pytest
from aiohttp.test_utils import unused_port

from server.app import Settings, make_app, run
from server.exports import Exports
from server.jobs import Order
from server.keys import EXPORTS, METRICS, SESSIONS
from tests.peers import Peer
from tests.server.conftest import StartServer, synthetic

pytestmark = pytest.mark.realtime

SILENCE = np.zeros(48000, np.int16)
CYCLES = 10  # `make load CYCLES=200` does more


async def test_sessions_that_ended_leave_nothing(start_server: StartServer) -> None:
    client = await start_server()
    sessions, process = client.app[SESSIONS], psutil.Process()
    gone: list[weakref.ref[object]] = []
    held: list[tuple[int, int, int]] = []
    async with asyncio.timeout(60):
        for n in range(CYCLES):
            peer = await Peer(SILENCE, keep=False).call(client.post, "ada")
            await peer.until("video", 1)
            (session,) = sessions._live.values()
            gone.append(weakref.ref(session))
            if n % 2:
                await client.delete(peer.location)
            await peer.hang_up()
            while len(sessions):  # noqa: ASYNC110 - nothing tells when it ends
                await asyncio.sleep(0.01)
            del session, peer
            await asyncio.sleep(0.05)
            held.append((process.num_fds(), process.num_threads(), len(asyncio.all_tasks())))
    gc.collect()
    assert not any(ref() for ref in gone), "a session is held by somebody"
    early, late = np.array(held[2:5]), np.array(held[-3:])
    # asyncio's own pool of threads may still grow by one or two; a leak would have by five.
    assert (late.min(axis=0) <= early.max(axis=0) + np.array([0, 2, 0])).all(), held


async def test_the_end_ends_calls_exports_and_listeners_and_leaves_no_process(
    tmp_path: Path,
) -> None:
    """SIGTERM with a live call, an avatar being made and a page that follows it."""
    port, before = unused_port(), set(psutil.Process().children())
    settings = Settings(port=port, workers=1, max_sessions=4)
    app = make_app({"ada": synthetic}, settings)
    endless = "import json, time; print(json.dumps({'stage': 'x', 'percent': 1}), flush=True)\n"
    endless += "time.sleep(60)"

    def command(photo: Path, bundle: Path, order: Order) -> list[str]:
        return [sys.executable, "-c", endless]

    app[EXPORTS] = Exports(tmp_path, app[METRICS], lambda *_: None, command)

    async def stop_exports(app: aiohttp.web.Application) -> None:
        await app[EXPORTS].stop()

    app.on_cleanup.append(stop_exports)
    ready = asyncio.Event()
    server = asyncio.create_task(run(app, settings, lambda _: ready.set()))
    await ready.wait()
    jpeg = {"Content-Type": "image/jpeg"}
    async with aiohttp.ClientSession(f"http://localhost:{port}") as client:
        async with await Peer(SILENCE, keep=False).call(client.post, "ada") as peer:
            await peer.until("video", 3)
            started = await client.post("/avatars?name=x&rights=yes", data=b"x", headers=jpeg)
            events = await client.get(started.headers["Location"])
            assert b"percent" in await events.content.readline()
            children = set(psutil.Process().children()) - before
            assert children
            loop = asyncio.get_running_loop()
            began = loop.time()
            signal.raise_signal(signal.SIGTERM)
            await server
            assert loop.time() - began < 5
            assert len(app[SESSIONS]) == 0
        _, left = await asyncio.to_thread(psutil.wait_procs, children, 5)
        assert not left
    assert os.listdir(tmp_path) == []
    with pytest.raises(OSError, match=r"refused|[Cc]onnect"):
        await asyncio.open_connection("localhost", port)
