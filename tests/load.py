"""Put load on a server: many real WebRTC clients at once, or one after the other.

    python -m tests.load [--sessions 8] [--seconds 30] [--avatar NAME] [--out runs/live/load.json]
    python -m tests.load --cycles 200

The server runs in a process of its own, the clients in this one. They speak, keep time stamps of
what comes back and do not decode it, so that two cores belong nearly all to the server. With
--cycles as many sessions are opened and closed, half of them without a goodbye, and the server's
memory, descriptors and threads are read after each tenth.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import aiortc.rtcrtpreceiver
import numpy as np
import psutil
from numpy.typing import NDArray

from engine.audio import decode
from tests.browser.chromium import server
from tests.peers import Peer

SPEECH = Path(__file__).parent / "spoken" / "flite.ogg"
RAMP_S = 1.0  # between two callers
SETTLE_S = 5.0


class Stamps:
    """In a decoder's place: notes when each frame came and what time it bears."""

    def __init__(self) -> None:
        self.came: list[tuple[float, int]] = []

    def decode(self, encoded: Any) -> list[Any]:
        self.came.append((time.monotonic(), encoded.timestamp))
        return []


@dataclass
class Caller:
    peer: Peer
    video: Stamps
    audio: Stamps


def speech() -> NDArray[np.int16]:
    """A recorded voice, ``[n]`` int16 at 48 kHz."""
    at_16k = np.concatenate(list(decode(SPEECH)))
    at_48k = np.interp(np.arange(3 * len(at_16k)) / 3, np.arange(len(at_16k)), at_16k)
    return (at_48k * 30000).astype(np.int16)


async def call(client: aiohttp.ClientSession, avatar: str, sound: NDArray[np.int16]) -> Caller:
    """One caller who does not decode. Raises AssertionError when refused."""
    stamps: dict[str, Stamps] = {}

    def not_decoded(codec: Any) -> Stamps:
        return stamps.setdefault(codec.mimeType.split("/")[0].lower(), Stamps())

    aiortc.rtcrtpreceiver.get_decoder = not_decoded  # read when the first packet comes
    peer = await Peer(sound, keep=False).call(client.post, avatar)
    while len(stamps) < 2:  # noqa: ASYNC110 - the decoders' threads ask for them
        await asyncio.sleep(0.01)
    return Caller(peer, stamps["video"], stamps["audio"])


def fared(stamps: Stamps, after: float, rate: int) -> dict[str, float]:
    """Frames a second and how unevenly they came, against the time they bear."""
    came = np.array([s for s in stamps.came if s[0] >= after])
    if len(came) < 3:
        return {"per_second": 0.0}
    arrival, stamp = came[:, 0], came[:, 1] / rate
    gaps = np.diff(arrival)
    lateness = 1000 * (arrival - stamp - np.min(arrival - stamp))
    return {
        "per_second": round((len(came) - 1) / (arrival[-1] - arrival[0]), 2),
        "gap_p99_ms": round(1000 * float(np.quantile(gaps, 0.99)), 1),
        "lateness_p50_ms": round(float(np.median(lateness)), 1),
        "lateness_p99_ms": round(float(np.quantile(lateness, 0.99)), 1),
    }


async def load(
    address: str, process: psutil.Process, avatar: str, sessions: int, seconds: float
) -> dict[str, Any]:
    """So many callers at once; how they fared, and what they cost."""
    sound = speech()
    callers: list[Caller] = []
    refused = 0
    memory = [process.memory_info().rss / 1e6]
    async with aiohttp.ClientSession(address) as client:
        for n in range(sessions):
            try:
                shifted = np.roll(sound, n * 48000)
                callers.append(await call(client, avatar, shifted))
            except AssertionError:
                refused += 1
            await asyncio.sleep(RAMP_S)
            memory.append(process.memory_info().rss / 1e6)
        await asyncio.sleep(SETTLE_S)
        began, before, own = time.monotonic(), process.cpu_times(), psutil.Process().cpu_times()
        counted = [await status(client, c) for c in callers]
        await asyncio.sleep(seconds)
        took = time.monotonic() - began
        after, own_after = process.cpu_times(), psutil.Process().cpu_times()
        ended = [await status(client, c) for c in callers]
        memory.append(process.memory_info().rss / 1e6)
        for caller in callers:
            await caller.peer.hang_up()
    cpu = (after.user + after.system - before.user - before.system) / took
    each: list[dict[str, Any]] = []
    for caller, first, last in zip(callers, counted, ended, strict=True):
        if not ("counts" in first and "counts" in last):
            each.append({"lost": "the session ended before it was told to"})
            continue
        changed = {k: last["counts"][k] - first["counts"][k] for k in last["counts"]}
        each.append(
            {
                "video": fared(caller.video, began, 90000),
                "audio": fared(caller.audio, began, 48000),
                "delay_ms": last["delay_ms"],
                **{k: changed[k] for k in ("sent", "repeated", "late", "skipped")},
                **{k: changed[k] for k in ("voice_slots_missed", "sound_given_up")},
            }
        )
    live = len(callers)
    return {
        "asked": sessions,
        "live": live,
        "refused": refused,
        "server_cores": round(cpu, 2),
        "server_percent_of_a_core_each": round(100 * cpu / max(1, live), 1),
        "clients_cores": round(
            (own_after.user + own_after.system - own.user - own.system) / took, 2
        ),
        "memory_mb": [round(m, 1) for m in memory],
        "memory_of_a_further_session_mb": round((memory[-1] - memory[1]) / max(1, live - 1), 1)
        if live > 1
        else None,
        "sessions": each,
    }


async def status(client: aiohttp.ClientSession, caller: Caller) -> dict[str, Any]:
    async with client.get(caller.peer.location) as response:
        found: dict[str, Any] = await response.json()
        return found


async def cycles(
    address: str, process: psutil.Process, avatar: str, count: int
) -> list[dict[str, float]]:
    """Open and close; every other one says goodbye by DELETE, the rest just hang up."""
    sound = np.zeros(48000, np.int16)
    course = []
    async with aiohttp.ClientSession(address) as client:
        for n in range(count):
            peer = await Peer(sound, keep=False).call(client.post, avatar)
            await peer.until("video", 2)
            if n % 2:
                await client.delete(peer.location)
            await peer.hang_up()
            if n % 10 == 9:
                await no_sessions(client)
                course.append(
                    {
                        "cycles": n + 1,
                        "rss_mb": round(process.memory_info().rss / 1e6, 1),
                        "descriptors": process.num_fds(),
                        "threads": process.num_threads(),
                    }
                )
    return course


async def no_sessions(client: aiohttp.ClientSession) -> None:
    """Return when the server has none any more; raises TimeoutError after ten seconds."""
    async with asyncio.timeout(10):
        while True:
            async with client.get("/healthz") as response:
                if not (await response.json())["sessions"]:
                    return
            await asyncio.sleep(0.1)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--cycles", type=int, default=0)
    parser.add_argument("--avatar", default="synthetic")
    parser.add_argument("--admission", action="store_true", help="let the server refuse callers")
    parser.add_argument("--out", type=Path, default=Path("runs/live/load.json"))
    given = parser.parse_args(arguments)
    room = () if given.admission else ("--max-sessions", str(max(given.sessions, 4)))
    with server(given.avatar, "--unlimited-rate", *room) as (address, started):
        process = psutil.Process(started.pid)
        avatar = Path(given.avatar).stem
        work: Any = (
            cycles(address, process, avatar, given.cycles)
            if given.cycles
            else load(address, process, avatar, given.sessions, given.seconds)
        )
        found = asyncio.run(work)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found))
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
