"""The HTTP side: routes, and the life of the server from listening to the last session's end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
from aiohttp import web

from engine.clock import Clock, MonotonicClock
from engine.errors import BadOffer
from server.gallery import Gallery, Loader
from server.limits import MOST_SDP_BYTES, Guard, is_loopback, refuse_open_door
from server.metrics import Metrics
from server.problems import answer_errors, problem
from server.rtc.consent import notice_loss_quickly
from server.sessions import Sessions

__all__ = ["Settings", "make_app", "run"]

logger = logging.getLogger(__name__)

PAGE = Path(__file__).resolve().parent.parent / "client_web"
STOP_WITHIN_S = 0.7


@dataclass(frozen=True)
class Settings:
    """How to serve. ``workers``: threads that hear and draw, None for one per core."""

    host: str = "localhost"
    port: int = 8080
    max_sessions: int = 4
    token: str | None = None
    open_to_all: bool = False
    workers: int | None = None


GALLERY = web.AppKey("gallery", Gallery)
SESSIONS = web.AppKey("sessions", Sessions)
METRICS = web.AppKey("metrics", Metrics)


def make_app(
    loaders: dict[str, Loader], settings: Settings, clock: Clock | None = None
) -> web.Application:
    """The application; it owns its worker threads from start-up to clean-up.

    Raises Refusal for a host that others can reach without a token.
    """
    refuse_open_door(settings.host, settings.token, settings.open_to_all)
    notice_loss_quickly()
    cv2.setNumThreads(1)  # sessions are spread over the workers; pictures are not split up
    guard = Guard(settings.token, local_only=is_loopback(settings.host))
    app = web.Application(
        middlewares=[guard.middleware, answer_errors], client_max_size=MOST_SDP_BYTES
    )
    # aiortc encodes in asyncio's own executor; hearing and drawing must not stand in its queue.
    executor = ThreadPoolExecutor(settings.workers or os.cpu_count() or 1, "performer")
    metrics = Metrics()
    app[GALLERY] = Gallery(loaders, executor)
    app[METRICS] = metrics
    app[SESSIONS] = Sessions(settings.max_sessions, executor, clock or MonotonicClock(), metrics)

    async def clean_up(app: web.Application) -> None:
        await app[SESSIONS].end_all(STOP_WITHIN_S)
        executor.shutdown(wait=False, cancel_futures=True)

    app.on_cleanup.append(clean_up)
    app.add_routes(
        [
            web.post("/sessions", _open_session),
            web.get("/sessions/{id}", _session_status),
            web.delete("/sessions/{id}", _end_session),
            web.get("/avatars", _list_avatars),
            web.get("/avatars/{name}/thumbnail.jpg", _thumbnail),
            web.get("/avatars/{name}/preview.png", _preview),
            web.get("/healthz", _health),
            web.get("/metrics", _metrics),
            web.get("/", _page),
            web.static("/client", PAGE),
        ]
    )
    return app


async def run(app: web.Application, settings: Settings, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. ``on_ready`` gets the page's address once it can be opened."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
        port = runner.addresses[0][1]
        shown = settings.host if settings.host not in ("0.0.0.0", "::") else "localhost"
        on_ready(f"http://{shown}:{port}/")
        await stop.wait()
    finally:
        await runner.cleanup()


async def _open_session(request: web.Request) -> web.Response:
    if request.content_type != "application/sdp":
        return problem(
            415, f"got {request.content_type}, expected application/sdp: POST the offer's SDP"
        )
    request.app[SESSIONS].check_room()
    try:
        offer = await request.text()
    except (UnicodeDecodeError, LookupError) as error:
        raise BadOffer(f"the offer is not text ({error}), expected SDP in UTF-8") from error
    gallery = request.app[GALLERY]
    character = await gallery.character(request.query.get("avatar") or gallery.names[0])
    session, answer = await request.app[SESSIONS].open(offer, character)
    return web.Response(
        status=201,
        text=answer,
        content_type="application/sdp",
        headers={"Location": f"/sessions/{session.id}"},
    )


async def _session_status(request: web.Request) -> web.Response:
    session = request.app[SESSIONS].find(request.match_info["id"])
    return web.json_response(session.status())


async def _end_session(request: web.Request) -> web.Response:
    await request.app[SESSIONS].find(request.match_info["id"]).end("asked to")
    return web.Response(status=204)


async def _list_avatars(request: web.Request) -> web.Response:
    avatars = []
    for name in request.app[GALLERY].names:
        character = await request.app[GALLERY].character(name)
        base = f"/avatars/{name}"
        avatars.append(
            {
                "name": name,
                "title": character.title,
                "thumbnail": f"{base}/thumbnail.jpg",
                "preview": f"{base}/preview.png",
            }
        )
    return web.json_response({"avatars": avatars})


async def _thumbnail(request: web.Request) -> web.Response:
    character = await request.app[GALLERY].character(request.match_info["name"])
    return _image(character.thumbnail_jpg, "image/jpeg")


async def _preview(request: web.Request) -> web.Response:
    character = await request.app[GALLERY].character(request.match_info["name"])
    return _image(character.preview_png, "image/png")


def _image(data: bytes, content_type: str) -> web.Response:
    return web.Response(
        body=data, content_type=content_type, headers={"Cache-Control": "private, max-age=60"}
    )


async def _health(request: web.Request) -> web.Response:
    sessions = request.app[SESSIONS]
    return web.json_response({"status": "ok", "sessions": len(sessions), "most": sessions.most})


async def _metrics(request: web.Request) -> web.Response:
    text = request.app[METRICS].text(request.app[SESSIONS].counts())
    return web.Response(text=text, headers={"Content-Type": "text/plain; version=0.0.4"})


async def _page(request: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE / "index.html")
