"""The whole of `engine export` on a real face, with a plan of seconds; and every bad photo."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import cli
from engine.avatar import Avatar
from engine.errors import BadInput, BadPhoto, ModelMismatch
from engine.motion import Motion, coefficients
from engine.pipeline import Pipeline
from engine.speech import SpeechModel
from tests import photos
from tests.occluders import sunglasses

pytest.importorskip("torch")
from export import identity as identity_module
from export import tune as tune_module
from export.bundle import Identity
from export.identity import STAGES, export_identity
from export.landmarks import FaceMesh
from export.template import Template
from export.tune import Plan

pytestmark = pytest.mark.export
WHO = Identity("eileen", "Eileen", "NASA", "public domain", "a test")


@pytest.fixture(autouse=True)
def plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds instead of minutes."""
    monkeypatch.setattr(tune_module, "BEST", Plan(6, 2, 2))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Avatar, list[tuple[str, float]]]:
    """A bundle of the astronaut, and what was told on the way."""
    folder, told = tmp_path_factory.mktemp("export"), []
    out = folder / "eileen.avatar"

    def usable(warnings: Sequence[str]) -> None:
        assert any("mouth is open" in warning for warning in warnings)
        assert not any("sits badly" in warning for warning in warnings)
        assert Avatar.load(out).manifest["generator"]["quality"] == "fast"
        told.append(("usable", told[-1][1]))

    patch = pytest.MonkeyPatch()
    patch.setattr(tune_module, "BEST", Plan(6, 2, 2))
    report = export_identity(
        photos.GOOD["png"](folder), out, WHO, size=256,
        progress=lambda stage, share: told.append((stage, share)), usable=usable,
    )  # fmt: skip
    patch.undo()
    assert Avatar.load(out).manifest["generator"]["quality"] == "best"
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
    expected = list(STAGES["best"])
    expected.insert(3, "usable")
    assert list(dict.fromkeys(stages)) == expected
    assert list(shares) == sorted(shares)
    assert shares[-1] == pytest.approx(1)


@pytest.fixture
def unproven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the proof of the model, half of the work, where it is not asked for."""
    monkeypatch.setattr(Template, "prove", lambda *args: 0.0)


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
    assert [event["percent"] for event in events if "percent" in event][-1] == 100
    assert any("mouth is open" in event.get("note", "") for event in events)
    assert not any("usable" in event for event in events), "there is nothing to wait for"


def test_fast_goes_without_torch_and_onnxscript(tmp_path: Path) -> None:
    """In a process of its own, in which they can not be found."""
    photo, out = photos.GOOD["jpeg"](tmp_path), tmp_path / "out.avatar"
    script = """
import sys
from importlib.machinery import PathFinder

class Without:
    find_distributions = PathFinder.find_distributions

    @staticmethod
    def find_spec(name, path=None, target=None):
        hidden = name.split(".")[0] in ("torch", "onnxscript", "safetensors")
        return None if hidden else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
from engine.cli import main
main()
"""
    command = [sys.executable, "-c", script, "export", "--identity", photo, "--out", out]
    made = subprocess.run([*command, "--quality", "fast"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert re.search(r"out\.avatar \(\d\.\d MB\) in \d+\.\d s, \d+ MB of memory", made.stdout)
    avatar = Avatar.load(out)
    assert avatar.manifest["made_with"].keys() == {"avatar-engine", "mediapipe", "onnx"}
    assert np.ptp(Pipeline(avatar, SpeechModel.load()).draw(Motion(coefficients(jawOpen=0.5)))) > 0
    out.unlink()
    refused = subprocess.run([*command, "--quality", "best"], capture_output=True, text=True)
    assert refused.returncode == 2
    assert "fast goes without" in refused.stderr
    assert "avatar-engine[export]" in refused.stderr
    assert sorted(tmp_path.iterdir()) == [photo]


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


@pytest.mark.usefixtures("unproven")
def test_behind_dark_glasses_nothing_moves(tmp_path: Path) -> None:
    image = photos.builtin("malik")
    with FaceMesh() as mesh:
        landmarks = mesh.detect(image)
    assert landmarks is not None
    photo = tmp_path / "cool.png"
    Image.fromarray(sunglasses(image, landmarks)).save(photo)
    report = export_identity(photo, tmp_path / "cool.avatar", WHO, quality="fast")
    assert any("dark glasses" in warning for warning in report.warnings)
    pipeline = Pipeline(report.avatar, SpeechModel.load(), liveliness=0)
    rest = pipeline.draw(Motion()).astype(int)
    blink = pipeline.draw(Motion(coefficients(eyeBlink=1, browInnerUp=0.5)))
    assert np.abs(blink - rest).max() <= 1
    spoken = pipeline.draw(Motion(coefficients(jawOpen=0.4)))
    assert np.abs(spoken - rest).max() > 60


def test_finds_out_before_the_work_that_it_can_not_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = photos.GOOD["png"](tmp_path)
    monkeypatch.setattr(identity_module, "find_face", lambda *a: pytest.fail("the work was begun"))
    for out in (tmp_path, photo / "out.avatar"):
        with pytest.raises(BadInput, match="expected"):
            export_identity(photo, out, WHO, quality="fast")
    assert list(tmp_path.iterdir()) == [photo]


@pytest.mark.usefixtures("unproven")
def test_a_failure_before_the_fast_avatar_leaves_the_old_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, out = photos.GOOD["png"](tmp_path), tmp_path / "out.avatar"
    out.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise BadPhoto("no use")

    monkeypatch.setattr(identity_module, "write_bundle", fail)
    with pytest.raises(BadPhoto):
        export_identity(photo, out, WHO, quality="fast")
    assert out.read_bytes() == b"old"
    assert sorted(tmp_path.iterdir()) == [photo, out]


@pytest.mark.usefixtures("unproven")
@pytest.mark.parametrize(
    ("ends_with", "code"), [(KeyboardInterrupt(), 130), (ModelMismatch("it differs"), 2)]
)
def test_what_ends_before_the_best_avatar_leaves_the_fast_one(
    ends_with: BaseException, code: int, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    photo, out = photos.GOOD["png"](tmp_path), tmp_path / "out.avatar"

    def end(*_: object) -> None:
        raise ends_with

    monkeypatch.setattr(tune_module, "tune", end)
    arguments = ("export", "--identity", photo, "--out", out, "--size", 256, "--progress", "json")
    assert engine(monkeypatch, *arguments) == code
    captured = capsys.readouterr()
    assert '{"usable": true}' in captured.out.splitlines()
    assert "is the fast avatar, which can be used" in captured.err
    assert "Traceback" not in captured.err
    assert Avatar.load(out).manifest["generator"]["quality"] == "fast"
    assert sorted(tmp_path.iterdir()) == [photo, out]


def test_frames_of_odd_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="expected an even number"):
        export_identity(photos.GOOD["png"](tmp_path), tmp_path / "x.avatar", WHO, size=333)


@pytest.mark.usefixtures("unproven")
def test_a_mouth_that_sits_badly_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = photos.GOOD["png"](tmp_path)
    pivot = Template.identity

    def lost(
        self: object, picture: np.ndarray, landmarks: np.ndarray, *args: object, **others: object
    ) -> dict[str, np.ndarray]:
        """As of a face whose landmarks lie elsewhere."""
        return dict(pivot(self, picture, landmarks + np.array((0, 0.08)), *args, **others))

    monkeypatch.setattr(Template, "identity", lost)
    bad = export_identity(photo, tmp_path / "b.avatar", WHO, quality="fast", size=256)
    assert any("sits badly" in warning for warning in bad.warnings)
