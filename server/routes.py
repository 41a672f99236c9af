"""What answers each address. Checks of who may ask are in ``limits``, of how much in here."""

from __future__ import annotations

import json
from pathlib import Path

from aiohttp import web

from engine.errors import BadBundle, BadInput, BadOffer, BadPhoto, MissingExtra
from server.exports import QUALITIES, Exports, Order
from server.gallery import Gallery
from server.ice import IceServers
from server.library import slug
from server.limits import MOST_FIGURES_BYTES, MOST_PHOTO_BYTES
from server.metrics import Metrics
from server.problems import problem
from server.sessions import Sessions

__all__ = ["EXPORTS", "GALLERY", "ICE", "METRICS", "SESSIONS", "routes"]

GALLERY = web.AppKey("gallery", Gallery)
SESSIONS = web.AppKey("sessions", Sessions)
METRICS = web.AppKey("metrics", Metrics)
ICE = web.AppKey("ice", IceServers)
EXPORTS = web.AppKey("exports", Exports)

_MOST_TITLE = 40
_MOST_SKEW_MS = 10_000.0


def routes(page: Path) -> list[web.AbstractRouteDef]:
    """All of them; ``page`` is the folder of the web page's files."""

    async def index(request: web.Request) -> web.FileResponse:
        return web.FileResponse(page / "index.html")

    return [
        web.post("/sessions", open_session),
        web.get("/sessions/{id}", session_status),
        web.post("/sessions/{id}/figures", session_figures),
        web.delete("/sessions/{id}", end_session),
        web.get("/ice", ice_servers),
        web.get("/avatars", list_avatars),
        web.post("/avatars", make_avatar),
        web.get("/avatars/{name}/thumbnail.jpg", thumbnail),
        web.get("/avatars/{name}/preview.png", preview),
        web.get("/exports/{id}", export_events),
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


async def list_avatars(request: web.Request) -> web.Response:
    """GET /avatars: names, titles, pictures' addresses, and what quality new ones can be of."""
    gallery = request.app[GALLERY]
    avatars = []
    for name in gallery.names:
        try:
            character = await gallery.character(name)
        except BadBundle:  # said in the log when it was loaded; the others can be served
            continue
        avatars.append(
            {
                "name": name,
                "title": character.title,
                "thumbnail": f"/avatars/{name}/thumbnail.jpg",
                "preview": f"/avatars/{name}/preview.png",
            }
        )
    exports = request.app.get(EXPORTS)
    qualities = exports.qualities() if exports is not None else []
    return web.json_response(
        {"avatars": avatars, "can_make": bool(qualities), "qualities": qualities}
    )


async def thumbnail(request: web.Request) -> web.Response:
    """GET /avatars/NAME/thumbnail.jpg"""
    character = await request.app[GALLERY].character(request.match_info["name"])
    return _image(character.thumbnail_jpg, "image/jpeg")


async def preview(request: web.Request) -> web.Response:
    """GET /avatars/NAME/preview.png"""
    character = await request.app[GALLERY].character(request.match_info["name"])
    return _image(character.preview_png, "image/png")


async def make_avatar(request: web.Request) -> web.Response:
    """POST /avatars?name=TITLE&rights=yes&quality=fast, a photo: 202, and where its events are."""
    exports = request.app.get(EXPORTS)
    if exports is None:
        raise MissingExtra("making an avatar", "photo")
    title = " ".join(request.query.get("name", "").split())[:_MOST_TITLE]
    if not title:
        raise BadPhoto("the avatar has no name, expected ?name=...: give it one")
    if request.query.get("rights") != "yes":
        raise BadPhoto(
            "nothing says that this face may be used, expected ?rights=yes: upload your own "
            "photo, or one of a person who agreed"
        )
    quality = request.query.get("quality", "fast")
    if quality not in QUALITIES:
        raise BadPhoto(f"got quality={quality!r}, expected one of {', '.join(QUALITIES)}")
    exports.check(request.content_type, quality)
    request = request.clone(client_max_size=MOST_PHOTO_BYTES)
    photo = await request.read()
    order = Order(slug(title, request.app[GALLERY].names), title, quality)
    job = exports.start(photo, request.content_type, order)
    return web.json_response(
        {"name": order.name}, status=202, headers={"Location": f"/exports/{job.id}"}
    )


async def export_events(request: web.Request) -> web.StreamResponse:
    """GET /exports/ID: all of its events, as server-sent events, to the last."""
    job = request.app[EXPORTS].find(request.match_info["id"])
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    await response.prepare(request)
    async for event in job.follow():
        await response.write(f"data: {json.dumps(event)}\n\n".encode())
    await response.write_eof()
    return response


async def health(request: web.Request) -> web.Response:
    """GET /healthz: alive, and how full."""
    sessions = request.app[SESSIONS]
    return web.json_response({"status": "ok", "sessions": len(sessions), "most": sessions.most})


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics, for Prometheus."""
    sessions = request.app[SESSIONS]
    text = request.app[METRICS].text(sessions.counts(), sessions.most)
    return web.Response(text=text, headers={"Content-Type": "text/plain; version=0.0.4"})


def _image(data: bytes, content_type: str) -> web.Response:
    return web.Response(
        body=data, content_type=content_type, headers={"Cache-Control": "private, max-age=60"}
    )
