"""A face steered over a real connection: what the channel tells is what the pictures show."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

from engine.control import Control
from engine.motion import ARKIT_INDEX, Motion
from tests.peers import Peer
from tests.server.conftest import StartServer
from tests.server.synthetic import MOUTH, SyntheticPipeline

pytestmark = pytest.mark.realtime


def mouth(rgb: np.ndarray) -> np.ndarray:
    x0, y0, x1, y1 = MOUTH
    return rgb[y0:y1, x0:x1].astype(float)


async def test_a_smile_is_seen_and_told_with_the_time_of_its_picture(
    start_server: StartServer,
) -> None:
    client = await start_server()
    silence = np.zeros(48000, np.int16)
    async with (
        asyncio.timeout(20),
        await Peer(silence, steers=True).call(client.post, "ada") as peer,
    ):
        (hello,) = await peer.until_told("version")
        assert hello["control"]["smile"] == 0
        peer.channel.send(json.dumps({"motion": True, "set": {"smile": 0.3}, "id": 1}))
        (answer,) = await peer.until_told("id")
        assert answer["control"]["smile"] == 0.3
        await peer.until_told("face", 30)
        peer.channel.send(json.dumps({"set": {"smile": 1}}))
        await peer.until_told("face", 60)
        await peer.until("video", peer.received["video"] + 8)
        status = await (await client.get(peer.location)).json()
    told = {t["rtp"]: t for t in peer.told if t.get("rtp") is not None}
    receiver = peer.connection.getTransceivers()[1].receiver
    origin = receiver._RTCRtpReceiver__timestamp_mapper._origin  # aiortc takes it off
    shown = {(frame.pts + origin) & 0xFFFFFFFF: frame for _, frame in peer.pictures}
    both = sorted(told.keys() & shown.keys())
    assert len(both) > 40, "pictures and motions bear the same times"
    smiles = [told[rtp]["face"][ARKIT_INDEX["mouthSmileLeft"]] for rtp in both]
    assert smiles[-1] > 0.7
    assert min(smiles) < 0.3
    off = []
    for rtp in both:
        face = np.array(told[rtp]["face"], np.float32)
        drawn = mouth(SyntheticPipeline().draw(Motion(face)))
        off.append(np.abs(mouth(shown[rtp].to_ndarray(format="rgb24")) - drawn).mean())
    assert np.median(off) < 4, "the picture is that of the motion"
    pts = [t["pts"] for t in peer.told if "pts" in t]
    assert np.all(np.diff(pts) == 640)
    assert status["counts"]["motions_told"] >= 60
    assert status["counts"]["control_taken"] == 2


async def test_faces_begin_as_the_server_was_told(start_server: StartServer) -> None:
    client = await start_server(control=Control(smile=0.5))
    silence = np.zeros(48000, np.int16)
    async with (
        asyncio.timeout(20),
        await Peer(silence, steers=True).call(client.post, "ada") as peer,
    ):
        (hello,) = await peer.until_told("version")
        assert hello["control"]["smile"] == 0.5
        peer.channel.send(json.dumps({"set": {"smile": -1}, "motion": True}))
        peer.channel.send(json.dumps({"reset": True, "get": True}))
        answer = (await peer.until_told("control", 2))[1]
        assert answer["control"]["smile"] == 0.5


async def test_other_channels_are_closed_and_too_many_end_the_call(
    start_server: StartServer,
) -> None:
    client = await start_server()
    silence = np.zeros(48000, np.int16)
    async with (
        asyncio.timeout(20),
        await Peer(silence, steers=True).call(client.post, "ada") as peer,
    ):
        await peer.until_told("version")
        other = peer.connection.createDataChannel("files")
        while other.readyState != "closed":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert (await client.get(peer.location)).status == 200
        for _ in range(20):
            peer.connection.createDataChannel("files")
        while (await client.get(peer.location)).status == 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
