"""``engine render``."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from engine.cli.render import render
from engine.pipeline import Pipeline
from tests.engine.cli.calls import Run, refused
from tests.sounds import encoded


def test_render_writes_a_video(run: Run, bundle: Path, sound: Path, tmp_path: Path) -> None:
    out = tmp_path / "out [1].mp4"
    code, told, _ = run("render", "--avatar", bundle, "--audio", sound, "--out", out)
    assert code == 0
    assert told == f"{out} (10 frames)\n"
    with av.open(str(out)) as container:
        assert container.streams.video[0].frames == 10


def test_render_reports_to_programs(run: Run, bundle: Path, sound: Path, tmp_path: Path) -> None:
    code, told, _ = run("render", "--avatar", bundle, "--audio", sound,
                        "--out", tmp_path / "out.mp4", "--progress", "json")  # fmt: skip
    events = [json.loads(line) for line in told.splitlines()]
    assert code == 0
    assert {event["stage"] for event in events} == {"rendering"}
    percents = [event["percent"] for event in events]
    assert percents == sorted(percents)
    assert percents[-1] == 100


SOUNDS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "no sound": lambda path: path.write_text("words"),
    "cut off in its header": lambda path: path.write_bytes(b"RIFF\x24\x80\x00\x00WAVEfm"),
    "without samples": lambda path: encoded(path, np.zeros((0, 1), np.float32), 16000, "pcm_s16le"),
    "not a number": lambda path: encoded(
        path, np.full((9000, 1), np.nan, np.float32), 16000, "pcm_f32le"
    ),
    "a folder": lambda path: path.mkdir(),
    "lost": lambda path: None,
}


@pytest.mark.parametrize("make", SOUNDS.values(), ids=list(SOUNDS))
def test_a_sound_file_that_is(
    run: Run, bundle: Path, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    sound, out = tmp_path / "bad.wav", tmp_path / "out.mp4"
    make(sound)
    before = sorted(tmp_path.iterdir())
    ran = run("render", "--avatar", bundle, "--audio", sound, "--out", out, "--progress", "none")
    refused(ran)
    assert sorted(tmp_path.iterdir()) == before


def test_a_place_that_can_not_be_written(
    run: Run, bundle: Path, sound: Path, tmp_path: Path
) -> None:
    for out in (tmp_path, sound / "out.mp4"):
        refused(
            run("render", "--avatar", bundle, "--audio", sound, "--out", out, "--progress", "none"),
            str(out),
        )
    assert list(tmp_path.iterdir()) == [sound]


def test_the_run_time_never_imports_what_only_export_needs(
    bundle: Path, sound: Path, tmp_path: Path
) -> None:
    """Nor does it need the network, or asyncio inside the engine."""
    script = f"""
import sys
from engine import cli
sys.argv = ["engine", "render", "--avatar", {str(bundle)!r}, "--audio", {str(sound)!r},
            "--out", {str(tmp_path / "out.mp4")!r}, "--progress", "none"]
cli.main.__globals__["app"](standalone_mode=False)
heavy = {{"torch", "mediapipe", "tensorflow", "jax", "onnx", "scipy", "aiortc", "aiohttp", "server",
         "export"}} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.mp4").stat().st_size > 1000


def test_the_mouth_goes_as_far_as_live_by_default() -> None:
    rendered = inspect.signature(render).parameters["expression"]
    live = inspect.signature(Pipeline.__init__).parameters["expression"]
    assert rendered.default == live.default
