"""The command line as a user meets it: what it prints, its exit codes, and nothing half-made."""

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

from engine import avatar as avatar_module
from engine import cli
from engine.errors import BadInput
from engine.pipeline import Pipeline
from tests import bundles
from tests.sounds import encoded, speech

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call ``engine`` with arguments: exit code, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["engine", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return encoded(tmp_path / "in.wav", speech(0.4, 16000), 16000, "pcm_s16le")


# -- good input ------------------------------------------------------------------------------------


def test_info_shows_what_a_bundle_holds(run: Run, bundle: Path) -> None:
    code, out, _ = run("info", bundle)
    assert code == 0
    for told in ("Nobody [at all]", "every hash verified", "128 x 128, 25 fps", "family matrix",
                 "CC0", "nobody's", "avatar-engine test"):  # fmt: skip
        assert told in out


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


def test_bench_prints_its_table(run: Run, bundle: Path) -> None:
    code, out, _ = run("bench", "--avatar", bundle, "--frames", 10)
    assert code == 0
    for stage in ("log-mel", "speech", "generator", "compositor", "whole"):
        assert stage in out


def test_doctor_finds_this_machine_well(run: Run) -> None:
    code, out, _ = run("doctor")
    assert code == 0
    assert "ok      speech model" in out


def test_help_names_every_command(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for command in ("export", "render", "serve", "info", "bench", "doctor"):
        assert command in out


# -- bad input: exit code 2, what was got, what was expected, what to do ---------------------------


def refused(ran: tuple[int, str, str], *says: str) -> None:
    code, out, err = ran
    assert code == 2, err
    assert out == ""
    assert err.startswith("error: ")
    assert "expected" in err
    assert "Traceback" not in err
    for words in says:
        assert words in err


def _altered(path: Path) -> Path:
    content = bytearray(bundles.bundle(path).read_bytes())
    content[content.index(b"photo.png") + 400] ^= 1
    path.write_bytes(content)
    return path


def _leaving(path: Path) -> Path:
    files = bundles.parts()
    return bundles.write(path, bundles.manifest(files), files | {"../../evil.py": b"x"})


def _without_model(path: Path) -> Path:
    files = bundles.parts()
    del files["face.onnx"]
    return bundles.write(path, bundles.manifest(files), files)


BUNDLES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a flipped bit": (_altered, "photo.png"),
    "a path that leaves it": (_leaving, "'../../evil.py'"),
    "a future schema": (lambda path: bundles.bundle(path, schema=7), "schema 7, expected 2"),
    "a missing part": (_without_model, "has no face.onnx"),
    "nothing in it": (lambda path: path.write_bytes(b""), "made by `engine export`"),
    "a photo in its place": (lambda path: path.write_bytes(bundles.png(bundles.photo())), "zip"),
}


@pytest.mark.parametrize("command", ["info", "render", "bench"])
@pytest.mark.parametrize(("make", "says"), BUNDLES.values(), ids=list(BUNDLES))
def test_a_bundle_with(
    run: Run, sound: Path, tmp_path: Path, command: str, make: Callable[[Path], object], says: str
) -> None:
    path, out = tmp_path / "bad.avatar", tmp_path / "out.mp4"
    make(path)
    arguments = {
        "info": (path,),
        "bench": ("--avatar", path),
        "render": ("--avatar", path, "--audio", sound, "--out", out),
    }[command]
    refused(run(command, *arguments), "bad.avatar", says)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.avatar", "in.wav"]


def test_a_part_that_unpacks_without_end(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(avatar_module, "_PART_LIMIT", 1 << 20)
    files = bundles.parts() | {"preview.png": bytes(4 << 20)}
    path = bundles.write(tmp_path / "bomb.avatar", bundles.manifest(files), files)
    refused(run("info", path), "preview.png unpacks to 4194304 bytes")


def test_an_avatar_that_is_not_there(run: Run, tmp_path: Path) -> None:
    refused(run("info", "nobody"), "'nobody'")
    refused(run("info", tmp_path), "no file called")


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


def test_options_out_of_range_are_refused(run: Run, bundle: Path) -> None:
    code, _, err = run("bench", "--avatar", bundle, "--frames", 1)
    assert code == 2
    assert "frames" in err


def test_without_the_photo_extra_its_install_line_is_given(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    code, _, err = run("export", "--identity", tmp_path / "me.jpg")
    assert code == 2
    assert "pip install 'avatar-engine[photo]'" in err


def test_a_library_missing_in_the_system_is_no_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(cli, "app", fail)
    code, _, err = run("info", "nobody")
    assert code == 2
    assert "libGL.so.1" in err
    assert "engine doctor" in err


def test_our_own_defects_do_show_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ImportError("cannot import name 'x'")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(ImportError):
        run("info", "nobody")


def test_what_a_message_quotes_is_not_taken_for_markup(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise BadInput("me [red].jpg is missing, expected me [bold].jpg")

    monkeypatch.setattr(cli, "app", fail)
    assert run("info", "nobody")[2] == "error: me [red].jpg is missing, expected me [bold].jpg\n"


# -- as a process of its own -----------------------------------------------------------------------


def test_a_real_process_ends_with_code_2_and_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", "info", str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: ")


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
    rendered = inspect.signature(cli.render).parameters["expression"]
    live = inspect.signature(Pipeline.__init__).parameters["expression"]
    assert rendered.default == live.default
