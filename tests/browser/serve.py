"""A server for the browser tests, in a process of its own, which prints its address when ready.

    python -m tests.browser.serve AVATAR [AVATAR...] [--calibrated] [--max-sessions N] [--port N]
                                  [--loss SHARE] [--jitter MS] [--unlimited-rate] [--real]

An avatar is a built-in's name, a file, or ``synthetic``. Exports and checks of photos are played by
short scripts, unless they are to be real.
With loss or jitter every call goes through a relay of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web

import server.limits
from engine.avatar import builtin_avatars
from engine.clock import MonotonicClock
from engine.motion import Motion
from server.app import Settings, make_app, run
from server.checks import Checks
from server.collection import Collection
from server.exports import Exports
from server.gallery import Character
from server.jobs import Order
from server.keys import CHECKS, COLLECTION, EXPORTS, GALLERY, METRICS
from server.library import Library, slug
from server.rate import Allowed
from tests.browser.calibration import CalibrationPipeline
from tests.relay import Relay, Weather
from tests.server.synthetic import SyntheticPipeline, jpeg, png

# Plays `engine export`: a file that says "nobody" has no face, one that says "slow" takes a minute
# for its better avatar, one that says "talks" waits until somebody does. What is made is a copy
# of a built-in one, under the title asked for.
EXPORT = """
import json, os, pathlib, shutil, sys, time, urllib.request
from server.bundles import retitle
photo, bundle, title, quality, builtin = sys.argv[1:]
says = pathlib.Path(photo).read_bytes()
def make():
    shutil.copyfile(builtin, bundle + ".new")
    retitle(pathlib.Path(bundle + ".new"), title)
    pathlib.Path(bundle + ".new").replace(bundle)
for percent in range(0, 100, 25):
    event = {"stage": "reading the photo", "percent": percent, "seconds_left": 1}
    print(json.dumps(event), flush=True)
    time.sleep(0.1)
if b"nobody" in says:
    sys.stderr.write("error: no face was found in the photo, expected one: use another photo\\n")
    sys.exit(2)
make()
if quality == "best":
    print(json.dumps({"note": "the photo is a little dark"}), flush=True)
    print(json.dumps({"usable": True}), flush=True)
    event = {"stage": "tuning the generator", "percent": 42, "seconds_left": 118}
    print(json.dumps(event), flush=True)
    while b"talks" in says:
        with urllib.request.urlopen(os.environ["SERVED_AT"] + "healthz") as answer:
            if json.load(answer)["sessions"]:
                time.sleep(2)
                break
        time.sleep(0.2)
    time.sleep(60 if b"slow" in says else 0)
    make()
"""
# Plays `export.checker`.
LOOK = """
import json, pathlib, sys
says = pathlib.Path(sys.stdin.readline().strip()).read_bytes()
item = lambda aspect, label, verdict="good", text="": {
    "aspect": aspect, "label": label, "verdict": verdict, "says": text}
answer = {"kind": "photo", "usable": True, "face": [0.31, 0.28, 0.68, 0.73], "items": [
    item("face", "One face"), item("size", "Face large enough"),
    item("pose", "Looking into the camera"), item("mouth closed", "Mouth closed"),
    item("sharpness", "In focus"),
    item("light", "Even light from the front", "fair",
         "the photo is dark: noise and dull colours will show, take one in more light")]}
if b"nobody" in says:
    answer = {"kind": "photo", "usable": False, "face": None, "items": [
        item("face", "One face", "bad", "no face was found, expected one that looks into the "
             "camera: use a well-lit, frontal photo")]}
print(json.dumps(answer), flush=True)
"""


@cache
def _library() -> Library:
    """One speech model for all."""
    return Library(Path(), MonotonicClock())


def character(name: str, calibrated: bool = False, title: str | None = None) -> Character:
    clock = MonotonicClock()
    if name == "synthetic" or title is not None:
        pipeline = SyntheticPipeline()
        still = pipeline.draw(Motion())
        title, thumbnail, preview = title or "Synthetic", jpeg(still), png(still)
    else:
        real = _library().loaders(_library().files([name])).popitem()[1]()
        pipeline, title = real.pipeline, real.title
        thumbnail, preview = real.thumbnail_jpg, real.preview_png
    if calibrated:
        pipeline = CalibrationPipeline(pipeline)
    return Character.ready(slug(Path(name).stem), title, pipeline, thumbnail, preview, clock)


def export_command(photo: Path, bundle: Path, order: Order) -> Sequence[str]:
    builtin = next(iter(builtin_avatars().values()))
    told = (str(photo), str(bundle), order.title, order.quality, str(builtin))
    return [sys.executable, "-c", EXPORT, *told]


def keep(app: web.Application, folder: Path, names: Iterable[str], played: bool) -> None:
    """Let the application keep avatars in a folder."""
    library = Library(folder, MonotonicClock())
    files = library.files([name for name in names if name != "synthetic"] or ["clara"])
    app[COLLECTION] = Collection(library, app[GALLERY], files)
    made = app[COLLECTION].made
    if played:
        app[EXPORTS] = Exports(folder, app[METRICS], made, export_command)
        app[CHECKS] = Checks(lambda: [sys.executable, "-c", LOOK])
    else:
        app[EXPORTS] = Exports(folder, app[METRICS], made)
        app[CHECKS] = Checks()

    async def clean_up(app: web.Application) -> None:
        await app[CHECKS].stop()
        await app[EXPORTS].stop()

    app.on_cleanup.append(clean_up)


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
    parser.add_argument("--real", action="store_true", help="exports and checks are not played")
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

    def ready(address: str) -> None:
        os.environ["SERVED_AT"] = address
        sys.stdout.write(address + "\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory() as folder:
        keep(app, Path(folder), given.avatars, played=not given.real)
        asyncio.run(run(app, settings, ready))


if __name__ == "__main__":
    main()
