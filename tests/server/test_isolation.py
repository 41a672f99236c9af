"""Two people at once on one server: nobody hears or moves the other."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.motion import Motion
from tests.peers import Peer
from tests.server.conftest import StartServer
from tests.server.synthetic import MOUTH, SyntheticPipeline

pytestmark = pytest.mark.realtime


def hiss(seconds: float = 1.0) -> NDArray[np.int16]:
    """Bright noise: the synthetic mouth opens wide for it."""
    sound = np.diff(np.random.default_rng(5).normal(size=round(48000 * seconds) + 1))
    return (sound / sound.std() * 5000).clip(-30000, 30000).astype(np.int16)


def mouth(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    x0, y0, x1, y1 = MOUTH
    return rgb[y0:y1, x0:x1].astype(float)


def moved(peer: Peer) -> float:
    """How far the widest open of the received mouths is from rest, in grey levels."""
    rest = mouth(SyntheticPipeline().draw(Motion()))
    pictures = [mouth(frame.to_ndarray(format="rgb24")) for _, frame in peer.pictures[10:]]
    return max(float(np.abs(p - rest).mean()) for p in pictures)


def heard(peer: Peer) -> float:
    """Root mean square of what came back."""
    sound = np.concatenate([f.to_ndarray() for _, f in peer.voice[20:]], axis=None)
    return float(np.sqrt(np.mean(np.square(sound, dtype=float))))


async def test_a_does_not_hear_or_move_b(start_server: StartServer) -> None:
    client = await start_server(workers=2)
    async with (
        asyncio.timeout(20),
        await Peer(hiss()).call(client.post, "ada") as speaking,
        await Peer(np.zeros(48000, np.int16)).call(client.post, "ada") as silent,
    ):
        for peer in (speaking, silent):
            await peer.until("video", 45)
    assert heard(speaking) > 1000
    assert heard(silent) < 5
    assert moved(speaking) > 8, "the test would see a mouth that moves"
    assert moved(silent) < 3
