"""Real peers over a network that loses, delays and goes dark."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray

from server.keys import SESSIONS
from tests.peers import Peer
from tests.relay import Relay, Weather
from tests.server.conftest import StartServer

pytestmark = pytest.mark.realtime

GONE_WITHIN_S = 5.2  # the watch's own steps included


def tone(seconds: float = 2.0) -> NDArray[np.int16]:
    """A steady tone: every gap in it shows."""
    return (6000 * np.sin(2 * np.pi * 500 * np.arange(round(48000 * seconds)) / 48000)).astype(
        np.int16
    )


async def test_loss_and_jitter_and_a_second_of_nothing_are_survived(
    start_server: StartServer,
) -> None:
    """5 % loss, 60 ms of jitter, then an outage: gaps are filled, the picture comes back by a
    keyframe, and the server goes on all the while. (Of 2 % a test of 3 s may see nothing.)"""
    client = await start_server()
    async with (
        asyncio.timeout(30),
        Relay() as relay,
        await Peer(tone()).call(client.post, "ada", relay) as peer,
    ):
        await peer.until("video", 25)
        session = next(iter(client.app[SESSIONS]._live.values()))

        relay.weather = Weather(loss=0.05, jitter_ms=60)
        await asyncio.sleep(3)
        assert relay.lost > 0
        assert session.counts.sound_lost > 0, "what was lost on the way in was filled"

        missed = session.counts.voice_slots_missed
        relay.weather = Weather(dark=True)
        await asyncio.sleep(1)
        assert session.counts.voice_slots_missed - missed <= 25, "the outage is not ours"
        pictures, voices = peer.received["video"], peer.received["audio"]
        relay.weather = Weather()
        await peer.until("video", pictures + 40)
        await peer.until("audio", voices + 80)
        steps = np.diff([frame.pts for _, frame in peer.pictures[-20:]])
        assert np.median(steps) == steps.min() == 3600, "one picture after the other is decoded"
        last = np.concatenate([f.to_ndarray().reshape(-1, 2)[:, 0] for _, f in peer.voice[-25:]])
        assert np.sqrt(np.mean(np.square(last, dtype=float))) > 1500, "and the tone is heard"
        assert session._timeline.end == pytest.approx(
            session.schedule.now_ns() * 48 / 1_000_000, abs=48 * 500
        ), "the timeline kept the clock's pace"


async def test_sound_in_disorder_is_put_in_order_or_left_out(start_server: StartServer) -> None:
    client = await start_server()
    async with (
        asyncio.timeout(20),
        Relay(Weather(jitter_ms=25, reorder=0.3)) as relay,
        await Peer(tone()).call(client.post, "ada", relay) as peer,
    ):
        await peer.until("audio", 200)
        session = next(iter(client.app[SESSIONS]._live.values()))
        assert session.counts.packets > 50
        assert session.counts.sound_lost > 0


async def test_a_network_that_is_gone_is_noticed_within_five_seconds(
    start_server: StartServer,
) -> None:
    client = await start_server()
    sessions = client.app[SESSIONS]
    loop = asyncio.get_running_loop()
    async with (
        asyncio.timeout(20),
        Relay() as relay,
        await Peer(tone(), keep=False).call(client.post, "ada", relay) as peer,
    ):
        await peer.until("video", 5)
        relay.weather = Weather(dark=True)
        began = loop.time()
        while len(sessions):  # noqa: ASYNC110 - nothing tells when it ends
            await asyncio.sleep(0.05)
        assert loop.time() - began <= GONE_WITHIN_S
