"""A server for the browser tests, in a process of its own, which prints its address when ready.

python -m tests.browser.serve synthetic|calibration|AVATAR [calibrated]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from engine.clock import MonotonicClock
from engine.motion import Motion
from server.app import Settings, make_app, run
from server.gallery import Character
from server.library import Library
from tests.browser.calibration import CalibrationPipeline
from tests.server.synthetic import SyntheticPipeline, jpeg, png


def character(name: str, calibrated: bool) -> Character:
    clock = MonotonicClock()
    if name == "synthetic":
        pipeline = SyntheticPipeline()
        still = pipeline.draw(Motion())
        title, thumbnail, preview = "Synthetic", jpeg(still), png(still)
    else:
        real = Library(Path(), clock).loaders([name]).popitem()[1]()
        pipeline, title = real.pipeline, real.title
        thumbnail, preview = real.thumbnail_jpg, real.preview_png
    if calibrated:
        pipeline = CalibrationPipeline(pipeline)
    return Character.ready(name, title, pipeline, thumbnail, preview, clock)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("avatar")
    parser.add_argument("--calibrated", action="store_true")
    parser.add_argument("--max-sessions", type=int, default=4)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    settings = Settings(port=given.port, max_sessions=given.max_sessions)
    app = make_app({given.avatar: lambda: character(given.avatar, given.calibrated)}, settings)

    def ready(address: str) -> None:
        sys.stdout.write(address + "\n")
        sys.stdout.flush()

    asyncio.run(run(app, settings, ready))


if __name__ == "__main__":
    main()
