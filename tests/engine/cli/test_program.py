"""The command line as a whole: help, exit codes, bad bundles, and nothing half-made."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
import typer

from engine.cli import program
from engine.errors import BadInput
from tests import bundles
from tests.engine.cli.calls import Run, parse, refused

COMMANDS = sorted(typer.main.get_command(program.app).commands)


def test_the_first_page_names_every_command(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for command in COMMANDS:
        assert re.search(rf"\n  {command} .*[^.]\.\n", out), "its first line is cut short"
    for line in re.findall(r"^    (engine .+?)   ", out, re.M):
        parse(line)


def test_without_a_command_it_is_the_same_page(run: Run) -> None:
    code, out, err = run()
    assert code == 2
    assert run("--help")[1] == out + err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_needs_and_gives_and_shows_examples(
    run: Run, command: str
) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert re.search(r"^  Needs ", out, re.M), "what does it need?"
    assert re.search(r"^  Gives ", out, re.M), "what does it give?"
    examples = out.partition("\n  Examples:\n")[2].partition("\n\n")[0].splitlines()
    assert examples, "it has no example"
    assert {parse(line) for line in examples} == {command}
    options = out.partition("\nOptions:\n")[2]
    for option in re.findall(r"^  (--[a-z-]+)", options, re.M):
        assert re.search(rf"^  {option}(?: .*)?(?:  |\n {{8,}})\S", options, re.M), (
            f"{option} says nothing"
        )


def test_it_says_which_version_it_is(run: Run) -> None:
    assert run("--version") == (0, f"avatar-engine {metadata.version('avatar-engine')}\n", "")


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


def test_a_library_missing_in_the_system_is_no_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**options: object) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(program, "app", fail)
    code, _, err = run("info", "nobody")
    assert code == 2
    assert "libGL.so.1" in err
    assert "engine doctor" in err


def test_our_own_defects_do_show_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**options: object) -> None:
        raise ImportError("cannot import name 'x'")

    monkeypatch.setattr(program, "app", fail)
    with pytest.raises(ImportError):
        run("info", "nobody")


def test_what_a_message_quotes_is_not_taken_for_markup(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**options: object) -> None:
        raise BadInput("me [red].jpg is missing, expected me [bold].jpg")

    monkeypatch.setattr(program, "app", fail)
    assert run("info", "nobody")[2] == "error: me [red].jpg is missing, expected me [bold].jpg\n"


def test_a_real_process_ends_with_code_2_and_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", "info", str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: ")
