"""A server for the browser tests, in a process of its own, which prints its address when ready.

    python -m tests.browser.serve AVATAR [AVATAR...] [--calibrated] [--max-sessions N] [--port N]
                                  [--loss SHARE] [--jitter MS] [--unlimited-rate]

An avatar is a built-in's name, a file, or ``synthetic``. Exports are played by a short script.
With loss or jitter every call goes through a relay of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

import server.limits
from engine.clock import MonotonicClock
from engine.motion import Motion
from server.app import Settings, make_app, run
from server.exports import Exports, Order
from server.gallery import Character
from server.library import Library, slug
from server.rate import Allowed
from server.routes import EXPORTS, GALLERY, METRICS
from tests.browser.calibration import CalibrationPipeline
from tests.relay import Relay, Weather
from tests.server.synthetic import SyntheticPipeline, jpeg, png

EXPORT = """
import json, pathlib, sys, time
for percent in range(0, 100, 25):
    event = {"stage": "Finding the face", "percent": percent, "seconds_left": 1}
    print(json.dumps(event), flush=True)
    time.sleep(0.1)
photo = pathlib.Path(sys.argv[1]).read_bytes()
if b"nobody" in photo:
    sys.stderr.write("error: no face was found in the photo, expected one: use another photo\\n")
    sys.exit(2)
pathlib.Path(sys.argv[2]).write_bytes(photo)
"""


def character(name: str, calibrated: bool = False, title: str | None = None) -> Character:
    clock = MonotonicClock()
    if name == "synthetic" or title is not None:
        pipeline = SyntheticPipeline()
        still = pipeline.draw(Motion())
        title, thumbnail, preview = title or "Synthetic", jpeg(still), png(still)
    else:
        real = Library(Path(), clock).loaders([name]).popitem()[1]()
        pipeline, title = real.pipeline, real.title
        thumbnail, preview = real.thumbnail_jpg, real.preview_png
    if calibrated:
        pipeline = CalibrationPipeline(pipeline)
    return Character.ready(slug(Path(name).stem), title, pipeline, thumbnail, preview, clock)


def export_command(photo: Path, bundle: Path, order: Order) -> Sequence[str]:
    return [sys.executable, "-c", EXPORT, str(photo), str(bundle)]


def bad_network(weather: Weather) -> Any:
    """A middleware that puts a relay between every caller and its session."""
    relays = contextlib.AsyncExitStack()  # until the process ends

    @web.middleware
    async def through_a_relay(request: web.Request, handler: Any) -> web.StreamResponse:
        if (request.method, request.path) != ("POST", "/sessions"):
            return await handler(request)
        relay = await relays.enter_async_context(Relay(weather))
        offer = relay.offer(await request.text())
        request._read_bytes = offer.encode()  # what the handler reads
        response = await handler(request)
        response.text = relay.answer(response.text)
        return response

    return through_a_relay


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("avatars", nargs="+")
    parser.add_argument("--calibrated", action="store_true")
    parser.add_argument("--max-sessions", type=int, help="as many as it carries by default")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--unlimited-rate", action="store_true", help="all callers are one address")
    parser.add_argument("--loss", type=float, default=0)
    parser.add_argument("--jitter", type=float, default=0)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    settings = Settings(port=given.port, max_sessions=given.max_sessions)
    loaders = {
        slug(Path(name).stem): lambda n=name: character(n, given.calibrated)
        for name in given.avatars
    }
    if given.unlimited_rate:
        server.limits._SESSIONS = Allowed(burst=1_000_000, every_s=1.0)
    app = make_app(loaders, settings)
    if given.loss or given.jitter:
        app.middlewares.append(bad_network(Weather(given.loss, given.jitter)))

    def made(name: str, bundle: Path) -> None:
        app[GALLERY].add(name, lambda: character(name, title="Made here"))

    def ready(address: str) -> None:
        sys.stdout.write(address + "\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory() as folder:
        app[EXPORTS] = Exports(Path(folder), app[METRICS], made, export_command)
        asyncio.run(run(app, settings, ready))


if __name__ == "__main__":
    main()
