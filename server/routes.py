"""What answers each address. Checks of who may ask are in ``limits``, of how much in here."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from engine.errors import BadInput, BadOffer
from server.avatar_routes import avatar_routes, json_object
from server.keys import GALLERY, ICE, METRICS, SESSIONS
from server.limits import MOST_FIGURES_BYTES
from server.problems import problem

__all__ = ["routes"]

_MOST_SKEW_MS = 10_000.0


def routes(page: Path) -> list[web.AbstractRouteDef]:
    """All of them; ``page`` is the folder of the web page's files."""

    async def index(request: web.Request) -> web.FileResponse:
        return web.FileResponse(page / "index.html")

    return [
        web.post("/sessions", open_session),
        web.get("/sessions/{id}", session_status),
        web.patch("/sessions/{id}", change_session),
        web.post("/sessions/{id}/figures", session_figures),
        web.delete("/sessions/{id}", end_session),
        web.get("/ice", ice_servers),
        *avatar_routes(),
        web.get("/healthz", health),
        web.get("/metrics", metrics),
        web.get("/", index),
        web.static("/client", page),
    ]


async def open_session(request: web.Request) -> web.Response:
    """POST /sessions?avatar=NAME, an SDP offer: 201, the answer, and its address."""
    if request.content_type != "application/sdp":
        return problem(
            415, f"got {request.content_type}, expected application/sdp: POST the offer's SDP"
        )
    sessions, gallery = request.app[SESSIONS], request.app[GALLERY]
    sessions.check_room()
    try:
        offer = await request.text()
    except (UnicodeDecodeError, LookupError) as error:
        raise BadOffer(f"the offer is not text ({error}), expected SDP in UTF-8") from error
    character = await gallery.character(request.query.get("avatar") or gallery.first)
    session, answer = await sessions.open(offer, character)
    return web.Response(
        status=201,
        text=answer,
        content_type="application/sdp",
        headers={"Location": f"/sessions/{session.id}"},
    )


async def session_status(request: web.Request) -> web.Response:
    """GET /sessions/ID: delay, budget and counts of a live session."""
    session = request.app[SESSIONS].find(request.match_info["id"])
    return web.json_response(session.status())


async def change_session(request: web.Request) -> web.Response:
    """PATCH /sessions/ID, {"avatar": NAME}: another face, from the next picture on."""
    session = request.app[SESSIONS].find(request.match_info["id"])
    name = (await json_object(request, MOST_FIGURES_BYTES)).get("avatar")
    session.become(await request.app[GALLERY].character(str(name)))
    return web.json_response(session.status())


async def session_figures(request: web.Request) -> web.Response:
    """POST /sessions/ID/figures, {"skew_ms": 12.5}: what only the browser can measure."""
    session = request.app[SESSIONS].find(request.match_info["id"])
    request = request.clone(client_max_size=MOST_FIGURES_BYTES)
    try:
        skew_ms = float((await request.json())["skew_ms"])
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise BadInput(f"got no figures ({error}), expected {{'skew_ms': number}}") from error
    if not abs(skew_ms) <= _MOST_SKEW_MS:
        raise BadInput(f"got a skew of {skew_ms} ms, expected at most {_MOST_SKEW_MS} either way")
    session.seen(skew_ms)
    return web.Response(status=204)


async def ice_servers(request: web.Request) -> web.Response:
    """GET /ice: what the page gives to its RTCPeerConnection, passwords included."""
    described = request.app[ICE].described()
    return web.json_response({"ice_servers": described}, headers={"Cache-Control": "no-store"})


async def end_session(request: web.Request) -> web.Response:
    """DELETE /sessions/ID: the end, now."""
    await request.app[SESSIONS].find(request.match_info["id"]).end("asked to")
    return web.Response(status=204)


async def health(request: web.Request) -> web.Response:
    """GET /healthz: alive, and how full."""
    sessions = request.app[SESSIONS]
    return web.json_response({"status": "ok", "sessions": len(sessions), "most": sessions.most})


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics, for Prometheus."""
    sessions = request.app[SESSIONS]
    text = request.app[METRICS].text(sessions.counts(), sessions.most)
    return web.Response(text=text, headers={"Content-Type": "text/plain; version=0.0.4"})
