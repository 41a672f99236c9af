"""How well voice and picture fit, through real sound cards: a sound server's, without hardware.

Clicks are played into one null sink, whose monitor is the microphone. The preview flashes a
picture for each and gives the voice to a second null sink, which is recorded. Needs PulseAudio, or
PipeWire in its place, with sinks called ``fake_mic`` and ``avatar_voice``::

    pactl load-module module-null-sink sink_name=fake_mic
    pactl load-module module-null-sink sink_name=avatar_voice
    python -m tests.engine.preview.measure_sync
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Event, Thread

import numpy as np
from numpy.typing import NDArray

from engine.clock import MonotonicClock
from engine.live.timeline import RATE
from engine.preview.devices import PortAudio, default
from engine.preview.show import Show
from tests.engine.preview.cards import RecordingCamera
from tests.engine.preview.test_show import EVERY, PICTURE, Quick, Timeline, click_file

_FORMAT = ("--rate=48000", "--channels=1", "--format=s16le")
_SECOND = 1_000_000_000
_NEAR_NS = 120_000_000


def recorded(clock: MonotonicClock, out: list[float]) -> subprocess.Popen[bytes]:
    """Note the instant of each click that comes out of the cable, in ns."""
    recorder = subprocess.Popen(
        ["parec", "-d", "avatar_voice.monitor", "--latency-msec=5", *_FORMAT],
        stdout=subprocess.PIPE,
    )
    assert recorder.stdout is not None
    pipe = recorder.stdout.fileno()

    def read() -> None:
        while data := os.read(pipe, 960):
            now, samples = clock.now_ns(), np.frombuffer(data[: len(data) // 2 * 2], np.int16)
            loud = np.flatnonzero(np.abs(samples) > 8000)
            if len(loud):
                at = now - (len(samples) - int(loud[0])) * _SECOND / RATE
                if not out or at - out[-1] > 50_000_000:
                    out.append(at)

    Thread(target=read, daemon=True).start()
    return recorder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=25.0)
    seconds = parser.parse_args().seconds
    os.environ |= {"PULSE_SOURCE": "fake_mic.monitor", "PULSE_SINK": "avatar_voice"}
    clock = MonotonicClock()
    cards, camera = PortAudio(clock), RecordingCamera(clock)
    show = Show(Quick(), clock, cards, camera)  # type: ignore[arg-type]
    timeline = Timeline(show._capture)
    show.sound.wish("microphone", default(cards.inputs(), "microphone"))
    show.sound.wish("output", default(cards.outputs(), "output"))
    heard: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        clicks = click_file(Path(folder), seconds + 5)
        player = subprocess.Popen(
            ["paplay", str(clicks)], env=os.environ | {"PULSE_SINK": "fake_mic"}
        )
        recorder = recorded(clock, heard)
        show.start()
        Event().wait(seconds)
        schedule, status = show._capture.schedule, show.status()
        show.close()
        for process in (player, recorder):
            process.kill()
            process.wait()
    seen = np.array([t for t, image in camera.sent if image.max() > 100], float)
    pairs = []
    for at in timeline.clicks():
        due = schedule.instant_ns(at) + schedule.delay_ns
        offs = (nearest(seen + at % PICTURE * _SECOND / RATE - due), nearest(np.array(heard) - due))
        if max(map(abs, offs)) < _NEAR_NS:
            pairs.append(offs)
    picture, voice = np.array(pairs).T / 1e6
    lines = [
        f"{len(pairs)} clicks, one each {EVERY * 1000 / RATE:.0f} ms; "
        f"{status.fps:.1f} fps, delay {status.delay_ms:.0f} ms",
        *(f"{name:>24}: {quantiles(values)} ms, 5 / 50 / 95 %" for name, values in (
            ("picture, its moment", picture), ("voice, its moment", voice),
            ("picture less voice", picture - voice))),
    ]  # fmt: skip
    sys.stdout.write("\n".join(lines) + "\n")


def nearest(offs: NDArray[np.float64]) -> float:
    return float(offs[np.abs(offs).argmin()]) if len(offs) else np.inf


def quantiles(values: NDArray[np.float64]) -> str:
    return " / ".join(f"{v:.1f}" for v in np.quantile(values, (0.05, 0.5, 0.95)))


if __name__ == "__main__":
    main()
