"""The whole of `engine export` on a real face, with a plan of seconds; and every bad photo."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine import cli
from engine.avatar import Avatar
from engine.errors import BadInput, BadPhoto
from engine.motion import Motion, coefficients
from engine.pipeline import Pipeline
from engine.speech import SpeechModel
from tests import photos

pytest.importorskip("torch")
from export import identity as identity_module
from export.bundle import Identity
from export.identity import STAGES, export_identity
from export.tune import Plan

pytestmark = pytest.mark.export
WHO = Identity("eileen", "Eileen", "NASA", "public domain", "a test")


@pytest.fixture(autouse=True)
def plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds instead of minutes."""
    monkeypatch.setattr(identity_module, "PLANS", {"fast": Plan(6, 2, 2), "best": Plan(6, 2, 2)})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Avatar, list[tuple[str, float]]]:
    """A bundle of the astronaut, and what was told on the way."""
    folder, told = tmp_path_factory.mktemp("export"), []
    patch = pytest.MonkeyPatch()
    patch.setattr(identity_module, "PLANS", {"best": Plan(6, 2, 2)})
    report = export_identity(
        photos.GOOD["png"](folder), folder / "eileen.avatar", WHO, size=256,
        progress=lambda stage, share: told.append((stage, share)),
    )  # fmt: skip
    patch.undo()
    assert sorted(p.name for p in folder.iterdir()) == ["a.png", "eileen.avatar"]
    assert report.worst < 2e-3
    assert any("mouth is open" in warning for warning in report.warnings)
    return report.avatar, told


def test_the_avatar_rests_and_speaks(made: tuple[Avatar, list[tuple[str, float]]]) -> None:
    avatar, _ = made
    assert (avatar.width, avatar.height, avatar.title) == (256, 256, "Eileen")
    pipeline = Pipeline(avatar, SpeechModel.load(), liveliness=0)
    rest = pipeline.draw(Motion())
    x0, y0, x1, y1 = avatar.manifest["frame"]["mouth"]
    outside = np.ones((256, 256), bool)
    outside[y0 - 10 : y1 + 14, x0 - 14 : x1 + 14] = False
    error = np.mean((rest[outside].astype(float) - avatar.photo[outside]) ** 2)
    assert 10 * np.log10(255**2 / max(error, 1e-9)) > 36, "at rest she is her photo"
    spoken = pipeline.draw(Motion(coefficients(jawOpen=0.7)))
    changed = np.abs(spoken.astype(int) - rest).max(-1)
    assert changed[y0:y1, x0:x1].mean() > 5 * changed[: y0 // 2].mean()


def test_progress_goes_through_all_stages_to_the_end(
    made: tuple[Avatar, list[tuple[str, float]]],
) -> None:
    _, told = made
    stages, shares = zip(*told, strict=True)
    assert list(dict.fromkeys(stages)) == list(STAGES)
    assert list(shares) == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def engine(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["engine", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_the_command_line_makes_an_avatar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every kind of file is read in test_photo; here one of the hard ones goes the whole way."""
    photo, out = photos.GOOD["EXIF rotation"](tmp_path), tmp_path / "out.avatar"
    code = engine(monkeypatch, "export", "--identity", photo, "--out", out, "--size", 256,
                  "--quality", "fast", "--title", "Me", "--progress", "json")  # fmt: skip
    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert Avatar.load(out).title == "Me"
    events = [json.loads(line) for line in captured.out.splitlines()]
    assert events[-1]["percent"] == 100


@pytest.mark.parametrize(("make", "says"), photos.BAD.values(), ids=list(photos.BAD))
def test_the_command_line_refuses(
    make: Callable[[Path], Path], says: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    photo = make(tmp_path)
    before = sorted(tmp_path.iterdir())
    code = engine(monkeypatch, "export", "--identity", photo, "--out", tmp_path / "out.avatar",
                  "--progress", "none")  # fmt: skip
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    last = captured.err.splitlines()[-1]
    assert last.startswith("error: ")
    assert says in last
    assert "expected" in last
    assert "Traceback" not in captured.err
    assert sorted(tmp_path.iterdir()) == before


def test_finds_out_before_the_work_that_it_can_not_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = photos.GOOD["png"](tmp_path)
    monkeypatch.setattr(identity_module, "tune", lambda *a: pytest.fail("the work was begun"))
    for out in (tmp_path, photo / "out.avatar"):
        with pytest.raises(BadInput, match="expected"):
            export_identity(photo, out, WHO, quality="fast")
    assert list(tmp_path.iterdir()) == [photo]


def test_a_failure_half_way_leaves_the_old_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, out = photos.GOOD["png"](tmp_path), tmp_path / "out.avatar"
    out.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise BadPhoto("no use")

    monkeypatch.setattr(identity_module, "tune", fail)
    with pytest.raises(BadPhoto):
        export_identity(photo, out, WHO, quality="fast")
    assert out.read_bytes() == b"old"
    assert sorted(tmp_path.iterdir()) == [photo, out]


def test_frames_of_odd_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="expected an even number"):
        export_identity(photos.GOOD["png"](tmp_path), tmp_path / "x.avatar", WHO, size=333)
