"""The server over HTTP, asked well and badly, and by a real peer."""

from __future__ import annotations

import asyncio
import itertools
import signal
import ssl
import subprocess
from pathlib import Path

import aiohttp
import cv2
import numpy as np
import pytest
from aiohttp.test_utils import unused_port
from aiortc import (
    AudioStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)

from engine.errors import BadInput
from server.app import Settings, make_app, run
from server.capacity import CapacityState, Sample
from server.ice import IceServers
from server.keys import SESSIONS
from server.limits import Refusal
from tests.server.conftest import StartServer, synthetic

SDP = {"Content-Type": "application/sdp"}


async def connect(client: object, avatar: str = "ada") -> tuple[RTCPeerConnection, str]:
    """A peer made of aiortc itself, connected to the server; and its session's address."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver(AudioStreamTrack(), direction="sendrecv")
    peer.addTransceiver("video", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    response = await client.post(  # type: ignore[attr-defined]
        f"/sessions?avatar={avatar}", data=peer.localDescription.sdp, headers=SDP
    )
    assert response.status == 201, await response.text()
    assert response.content_type == "application/sdp"
    await peer.setRemoteDescription(RTCSessionDescription(await response.text(), "answer"))
    return peer, response.headers["Location"]


@pytest.mark.realtime
async def test_a_peer_receives_the_face_and_the_voice_and_leaves(start_server: StartServer) -> None:
    client = await start_server()
    peer, location = await connect(client)
    tracks = {t.receiver.track.kind: t.receiver.track for t in peer.getTransceivers()}
    async with asyncio.timeout(10):
        pictures = [await tracks["video"].recv() for _ in range(12)]
        await tracks["audio"].recv()
    assert (pictures[0].width, pictures[0].height) == (256, 256)
    steps = {b.pts - a.pts for a, b in itertools.pairwise(pictures)}
    assert min(steps) >= 3600

    status = await (await client.get(location)).json()
    assert status["avatar"] == "ada"
    assert status["state"] == "connected"
    assert status["counts"]["sent"] >= 12
    metrics = await (await client.get("/metrics")).text()
    assert "avatar_engine_sessions 1\n" in metrics
    assert (await (await client.get("/healthz")).json()) == {
        "status": "ok", "sessions": 1, "most": 4,
    }  # fmt: skip

    assert (await client.delete(location)).status == 204
    assert (await client.get(location)).status == 404
    assert (await client.delete(location)).status == 404
    assert len(client.app[SESSIONS]) == 0
    metrics = await (await client.get("/metrics")).text()
    assert "avatar_engine_sessions 0\n" in metrics
    assert "avatar_engine_sent_total 0\n" not in metrics, "what was counted stays counted"
    await peer.close()


@pytest.mark.realtime
async def test_a_peer_that_hangs_up_is_gone_at_once(start_server: StartServer) -> None:
    client = await start_server()
    peer, _ = await connect(client)
    tracks = {t.receiver.track.kind: t.receiver.track for t in peer.getTransceivers()}
    async with asyncio.timeout(10):
        await tracks["video"].recv()
        session = next(iter(client.app[SESSIONS]._live.values()))
        await peer.close()
        while session._ending is None:  # noqa: ASYNC110 - nothing tells when it begins
            await asyncio.sleep(0.01)
        await session.end("test")
    assert len(client.app[SESSIONS]) == 0


async def test_more_than_it_has_places_for_is_told_when_to_come_back(
    start_server: StartServer, browser_offer: str
) -> None:
    client = await start_server(max_sessions=1)
    assert (await client.post("/sessions", data=browser_offer, headers=SDP)).status == 201
    refused = await client.post("/sessions", data=browser_offer, headers=SDP)
    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert "all 1 places are taken" in (await refused.json())["detail"]
    assert "sessions_refused_total 1\n" in await (await client.get("/metrics")).text()


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "said"),
    [
        ("/sessions", b"v=0\r\n", {"Content-Type": "text/plain"}, 415, "expected application/sdp"),
        ("/sessions", b"", SDP, 400, "expected an SDP offer"),
        ("/sessions", b"\xff\xfe\x00", SDP, 400, "not text"),
        ("/sessions", b"v=0", {"Content-Type": "application/sdp; charset=x"}, 400, "not text"),
        ("/sessions", b"v=0" + b"x" * 70_000, SDP, 413, ""),
        ("/sessions?avatar=nobody", b"v=0", SDP, 404, "no avatar is named 'nobody'"),
        ("/sessions?avatar=../../etc/passwd", b"v=0", SDP, 404, "no avatar is named"),
        ("/healthz", b"", {}, 405, ""),
        ("/nothing", b"", {}, 404, ""),
        ("/avatars?name=x&rights=yes", b"x", {"Content-Type": "image/png"}, 501, "pip install"),
    ],
)
async def test_bad_requests_get_an_answer_and_leave_nothing(
    start_server: StartServer,
    path: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    said: str,
) -> None:
    client = await start_server()
    response = await client.post(path, data=body, headers=headers)
    assert response.status == status
    assert response.content_type == "application/problem+json"
    problem = await response.json()
    assert problem["status"] == status
    assert said in problem["detail"]
    assert "Traceback" not in problem["detail"]
    assert len(client.app[SESSIONS]) == 0
    assert (await client.get("/healthz")).status == 200


async def test_lists_avatars_with_their_pictures(start_server: StartServer) -> None:
    client = await start_server()
    listed = await (await client.get("/avatars")).json()
    assert listed["can_make"] is False
    avatars = listed["avatars"]
    assert [(a["name"], a["title"]) for a in avatars] == [("ada", "Ada"), ("ben", "Ben")]
    for avatar in avatars:
        thumbnail = await client.get(avatar["thumbnail"])
        assert thumbnail.content_type == "image/jpeg"
        assert (await thumbnail.read())[:2] == b"\xff\xd8"
        still = await client.get(avatar["still"])
        size = cv2.imdecode(np.frombuffer(await still.read(), np.uint8), cv2.IMREAD_COLOR).shape
        assert size == (256, 256, 3), "as large as it will be live"
        preview = await client.get(avatar["preview"])
        assert (await preview.read())[:4] == b"\x89PNG"
    assert (await client.get("/avatars/nobody/thumbnail.jpg")).status == 404


async def test_serves_the_page_and_nothing_beside_it(start_server: StartServer) -> None:
    client = await start_server()
    page = await client.get("/")
    assert page.content_type == "text/html"
    for name in ("app.js", "call.js", "style.css", "icon.svg"):
        assert f"/client/{name}" in await page.text() or name == "call.js"
        assert (await client.get(f"/client/{name}")).status == 200
    for path in ("/client/../pyproject.toml", "/client/..%2fpyproject.toml", "/client/"):
        assert (await client.get(path)).status in (403, 404)


async def test_a_token_is_asked_of_everything_but_the_page(
    start_server: StartServer, browser_offer: str
) -> None:
    client = await start_server(token="tell nobody")
    for path in ("/avatars", "/metrics", "/sessions/x", "/avatars/ada/thumbnail.jpg", "/exports/x",
                 "/exports", "/avatars/ada/bundle.avatar"):  # fmt: skip
        refused = await client.get(path)
        assert refused.status == 401, path
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert (await client.post("/sessions", data=browser_offer, headers=SDP)).status == 401
    wrong = {"Authorization": "Bearer tell somebody"}
    assert (await client.get("/avatars", headers=wrong)).status == 401
    right = {"Authorization": "Bearer tell nobody"}
    assert (await client.get("/avatars", headers=right)).status == 200
    for path in ("/", "/healthz", "/client/app.js"):
        assert (await client.get(path)).status == 200, path


async def test_pages_from_elsewhere_are_refused(start_server: StartServer) -> None:
    client = await start_server()
    own = f"http://{client.host}:{client.port}"
    assert (await client.get("/avatars", headers={"Origin": own})).status == 200
    for origin in ("http://evil.example", f"{own}.evil.example", "null"):
        assert (await client.get("/avatars", headers={"Origin": origin})).status == 403
    rebound = {"Host": f"evil.example:{client.port}"}
    assert (await client.get("/avatars", headers=rebound)).status == 421


async def test_a_proxy_on_this_machine_is_believed_and_no_other(
    start_server: StartServer, browser_offer: str
) -> None:
    client = await start_server(
        public_url="https://avatar.example", open_to_all=True, max_sessions=1
    )
    proxied = {"Host": "avatar.example", "Origin": "https://avatar.example"}
    assert (await client.get("/avatars", headers=proxied)).status == 200
    for headers in (
        proxied | {"Host": "other.example"},
        proxied | {"Origin": "https://other.example"},
        proxied | {"Origin": "https://avatar.example.evil.example"},
    ):
        assert (await client.get("/avatars", headers=headers)).status in (403, 421)

    async def ask(address: str) -> int:
        forwarded = proxied | SDP | {"X-Forwarded-For": f"203.0.113.9, {address}"}
        return (await client.post("/sessions", data="v=1", headers=forwarded)).status

    answers = [await ask("198.51.100.1") for _ in range(25)]
    assert answers[:20] == [400] * 20
    assert answers[20:] == [429] * 5
    assert await ask("198.51.100.2") == 400, "another browser behind the same proxy"


@pytest.mark.parametrize("url", ["avatar.example", "ftp://avatar.example", "https://"])
def test_a_public_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(BadInput, match=r"https://avatar\.example"):
        make_app({}, Settings(public_url=url, open_to_all=True))


async def test_who_asks_too_often_is_told_when_to_come_back(start_server: StartServer) -> None:
    client = await start_server()
    # Without a proxy the header is anybody's to write, and believed from nobody.
    answers = [
        await client.post(
            "/sessions", data="v=1", headers=SDP | {"X-Forwarded-For": f"198.51.100.{n}"}
        )
        for n in range(22)
    ]
    assert [a.status for a in answers] == [400] * 20 + [429] * 2
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 4
    assert (await client.get("/avatars")).status == 200, "looking is free"


async def test_guessing_the_token_is_slow(start_server: StartServer) -> None:
    client = await start_server(token="tell nobody")
    for n in range(10):
        guess = {"Authorization": f"Bearer {n}"}
        assert (await client.get("/avatars", headers=guess)).status == 401
    right = {"Authorization": "Bearer tell nobody"}
    refused = await client.get("/avatars", headers=right)
    assert refused.status == 429, "and the right one is not found out by going on"
    assert int(refused.headers["Retry-After"]) > 0
    assert (await client.get("/healthz")).status == 200


async def test_the_page_is_told_of_turn_servers_and_others_are_not(
    start_server: StartServer,
) -> None:
    turn = IceServers(("turn:turn.example:3478",), "user", "pass")
    client = await start_server(ice_servers=turn, token="tell nobody")
    assert (await client.get("/ice")).status == 401
    right = {"Authorization": "Bearer tell nobody"}
    answer = await client.get("/ice", headers=right)
    assert (await answer.json())["ice_servers"] == turn.described()
    assert answer.headers["Cache-Control"] == "no-store"


async def test_what_a_browser_measures_is_counted_if_it_can_be_true(
    start_server: StartServer, browser_offer: str
) -> None:
    client = await start_server()
    opened = await client.post("/sessions", data=browser_offer, headers=SDP)
    figures = f"{opened.headers['Location']}/figures"
    assert (await client.post(figures, json={"skew_ms": -12.5})).status == 204
    assert (await client.post("/sessions/x/figures", json={"skew_ms": 1})).status == 404
    for body in (b"", b"[]", b'{"skew_ms": "x"}', b'{"skew_ms": NaN}', b'{"skew_ms": 1e9}',
                 b'{"skew_ms": 1' + b"0" * 500 + b"}", b"\xff", b'{"skew_ms": []}'):  # fmt: skip
        assert (await client.post(figures, data=body)).status == 422, body
    assert (await client.post(figures, data=b" " * 2000)).status == 413
    text = await (await client.get("/metrics")).text()
    assert 'avatar_engine_skew_milliseconds{quantile="0.5"} -12.5\n' in text
    assert "avatar_engine_skew_milliseconds_count 1\n" in text


async def test_a_session_can_be_given_another_face(
    start_server: StartServer, browser_offer: str
) -> None:
    client = await start_server()
    opened = await client.post("/sessions?avatar=ada", data=browser_offer, headers=SDP)
    location = opened.headers["Location"]
    changed = await client.patch(location, json={"avatar": "ben"})
    assert (await changed.json())["avatar"] == "ben"
    assert (await client.patch(location, json={"avatar": "nobody"})).status == 404
    assert (await client.patch("/sessions/x", json={"avatar": "ben"})).status == 404
    for body in (b"", b"[]", b"\xff"):
        assert (await client.patch(location, data=body)).status == 422
    assert (await client.patch(location, data=b" " * 2000)).status == 413
    assert (await (await client.get(location)).json())["avatar"] == "ben"


async def test_as_many_are_let_in_as_the_machine_carries(
    start_server: StartServer, browser_offer: str
) -> None:
    client = await start_server(max_sessions=None)
    sessions = client.app[SESSIONS]
    assert (await client.post("/sessions", data=browser_offer, headers=SDP)).status == 201
    assert sessions._capacity is not None
    most = sessions.most
    assert most >= 1
    sessions._capacity = CapacityState(cost=sessions._cores / 2.2)
    assert sessions.most == 1 == (await (await client.get("/healthz")).json())["most"]
    refused = await client.post("/sessions", data=browser_offer, headers=SDP)
    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) > 0
    sessions._capacity = CapacityState(cost=sessions._cores / 10)
    assert (await client.post("/sessions", data=browser_offer, headers=SDP)).status == 201
    late = [Sample(t, t / 10, 2, 50 * t, 40 * t) for t in range(10)]
    sessions._capacity = CapacityState(sessions._cores / 10, tuple(late))
    refused = await client.post("/sessions", data=browser_offer, headers=SDP)
    assert refused.status == 503
    assert "busy with other things" in (await refused.json())["detail"]


async def test_https_with_a_certificate_of_ones_own(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    await asyncio.to_thread(
        subprocess.run,
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    settings = Settings(port=unused_port(), workers=1, certificate=(certificate, key))
    ready: asyncio.Queue[str] = asyncio.Queue()
    server = asyncio.create_task(run(make_app({}, settings), settings, ready.put_nowait))
    address = await ready.get()
    assert address.startswith("https://localhost:")
    trust = ssl.create_default_context(cafile=str(certificate))
    trust.check_hostname = False
    async with aiohttp.ClientSession() as client:
        answer = await client.get(f"{address}healthz", ssl=trust)
        assert answer.status == 200
    signal.raise_signal(signal.SIGTERM)
    await server


async def test_every_answer_carries_the_security_headers(start_server: StartServer) -> None:
    client = await start_server()
    for path in ("/", "/client/app.js", "/avatars", "/nothing", "/healthz"):
        headers = (await client.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "avatar.example"])
def test_does_not_open_the_door_by_accident(host: str) -> None:
    with pytest.raises(Refusal, match="--token"):
        make_app({}, Settings(host=host))
    make_app({}, Settings(host=host, token="secret"))
    make_app({}, Settings(host=host, open_to_all=True))


def test_what_may_be_changed_is_for_those_who_are_known() -> None:
    assert Settings().changeable
    assert Settings(host="0.0.0.0", token="secret").changeable
    assert not Settings(host="0.0.0.0", open_to_all=True).changeable
    assert not Settings(public_url="https://avatar.example", open_to_all=True).changeable


def test_a_proxy_opens_the_door_as_well() -> None:
    with pytest.raises(Refusal, match="--token"):
        make_app({}, Settings(public_url="https://avatar.example"))
    assert Settings().local_only
    assert not Settings(public_url="https://avatar.example").local_only


@pytest.mark.realtime
async def test_stops_within_a_second_with_a_session_running() -> None:
    port = unused_port()
    settings = Settings(port=port, workers=1)
    app = make_app({"ada": synthetic}, settings)
    ready = asyncio.Event()
    server = asyncio.create_task(run(app, settings, lambda _: ready.set()))
    await ready.wait()
    async with aiohttp.ClientSession(f"http://localhost:{port}") as client:
        peer, _ = await connect(client)
        track = peer.getTransceivers()[1].receiver.track
        async with asyncio.timeout(10):
            await track.recv()
        loop = asyncio.get_running_loop()
        began = loop.time()
        signal.raise_signal(signal.SIGTERM)
        await server
        assert loop.time() - began < 1.0
    await peer.close()


async def test_a_port_that_is_taken_is_said() -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as other:
        settings = Settings(host="127.0.0.1", port=other.sockets[0].getsockname()[1])
        with pytest.raises(BadInput, match="choose another --port"):
            await run(make_app({}, settings), settings, lambda _: None)
