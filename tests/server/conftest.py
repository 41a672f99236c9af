"""A running server with the synthetic avatar, and a way to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from engine.clock import MonotonicClock
from engine.motion import Motion
from server.app import Settings, make_app
from server.gallery import Character
from tests.server.synthetic import SyntheticPipeline, jpeg, png

StartServer = Callable[..., Awaitable[TestClient]]


def synthetic(name: str = "synthetic", title: str = "Synthetic") -> Character:
    pipeline = SyntheticPipeline()
    still = pipeline.draw(Motion())
    return Character.ready(name, title, pipeline, jpeg(still), png(still), MonotonicClock())


@pytest_asyncio.fixture
async def start_server() -> AsyncIterator[StartServer]:
    """Start a server on a free port; keywords are those of ``Settings``."""
    clients: list[TestClient] = []

    async def start(**settings: object) -> TestClient:
        loaders = {name: lambda n=name: synthetic(n, n.title()) for name in ("ada", "ben")}
        app = make_app(loaders, Settings(**{"workers": 1, "max_sessions": 4, **settings}))  # type: ignore[arg-type]
        client = TestClient(TestServer(app))
        await client.start_server()
        clients.append(client)
        return client

    yield start
    for client in clients:
        await client.close()


@pytest.fixture(scope="session")
def browser_offer() -> str:
    """What a Chromium 156 offers: one microphone, one video to receive."""
    return BROWSER_OFFER


BROWSER_OFFER = "\r\n".join(
    (
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0 1",
        "a=msid-semantic: WMS",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
        "a=fingerprint:sha-256 " + ":".join(["7B"] * 32),
        "a=setup:actpass",
        "a=mid:0",
        "a=sendrecv",
        "a=msid:- microphone",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=ssrc:1001 cname:browser",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 102",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
        "a=fingerprint:sha-256 " + ":".join(["7B"] * 32),
        "a=setup:actpass",
        "a=mid:1",
        "a=recvonly",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:96 nack pli",
        "a=rtpmap:102 H264/90000",
        "a=rtcp-fb:102 goog-remb",
        "a=rtcp-fb:102 nack pli",
        "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
        "",
    )
)
