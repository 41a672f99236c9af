"""``engine export --generator`` from photo to frames, with a tiny generator in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from engine.errors import BadCheckpoint, BadInput, BadPhoto  # noqa: E402
from engine.motion import coefficients  # noqa: E402
from export import generated  # noqa: E402
from export.bundle import Identity  # noqa: E402
from export.generated import EFFORTS, STAGES, Effort, export_generated  # noqa: E402
from export.generator.stylegan2 import Generator, StyleGAN2Config  # noqa: E402
from export.identity import Report  # noqa: E402
from tests import generator_files as files  # noqa: E402
from tests import photos  # noqa: E402

pytestmark = pytest.mark.export
WHO = Identity("eileen", "Eileen", "NASA", "public domain", "a test")
TINY = StyleGAN2Config((16, 16, 12, 8), z_dim=16, w_dim=16, num_layers=2)
SECONDS = Effort(frames=6, project=30, keys=4, key_steps=2, displace=2, tune=15)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random generator of 32 pixels, as NVIDIA would store it."""
    path = tmp_path_factory.mktemp("files") / "tiny.pkl"
    torch.manual_seed(0)
    return files.write_nvidia(path, files.generator(Generator(TINY)))


Made = tuple[Report, list[tuple[str, float]], list[str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, checkpoint: Path) -> Made:
    folder = tmp_path_factory.mktemp("export")
    told: list[tuple[str, float]] = []
    notes: list[str] = []
    patch = pytest.MonkeyPatch()
    patch.setitem(generated.EFFORTS, "fast", SECONDS)
    report = export_generated(
        photos.GOOD["png"](folder), folder / "eileen.avatar", WHO, generator=checkpoint,
        quality="fast", size=256, told=notes.extend,
        progress=lambda stage, share: told.append((stage, share)),
    )  # fmt: skip
    patch.undo()
    return report, told, notes


def test_a_bundle_says_how_it_came_about(made: Made) -> None:
    report, told, notes = made
    manifest = report.avatar.manifest
    assert manifest["generator"]["family"] == "stylegan2"
    assert "32 pixels" in manifest["generator"]["kind"]
    assert manifest["models"]["face.onnx"]["outputs"] == {"rgb": [1, 3, 32, 32]}
    assert report.worst < 5e-3
    assert list(dict.fromkeys(stage for stage, _ in told)) == list(STAGES)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert any("multi-scale" in note for note in notes)
    assert any("no encoder" in note for note in notes)
    assert any("licence" in note for note in notes)


def test_the_picture_covers_the_face_and_nothing_else(made: Made) -> None:
    avatar = made[0].avatar
    still = np.zeros(3, np.float32)
    frame = avatar.compositor.draw(avatar.face.canvas(coefficients()), still).astype(float)
    y, x = np.mgrid[:256, :256] + 0.5
    linear = np.linalg.inv(avatar.matrix[:, :2])
    unit = (np.dstack([x, y]) - avatar.matrix[:, 2]) @ linear.T
    inside = (np.abs(unit - 0.5) < 0.35).all(-1)
    outside = (np.abs(unit - 0.5) > 0.52).any(-1)
    off = np.abs(frame - avatar.photo).mean(-1)
    assert off[outside].max() == 0
    # A random network after some steps on one photo: nearer to it than grey is, no more.
    grey = np.abs(avatar.photo[inside].astype(float).mean((0, 1)) - avatar.photo[inside]).mean()
    assert 2 < off[inside].mean() < 1.3 * grey
    opened = avatar.compositor.draw(avatar.face.canvas(coefficients(jawOpen=0.6)), still)
    assert np.abs(opened - frame)[inside].max() > 3


def test_a_head_turns_where_the_head_is(made: Made) -> None:
    """The picture of FFHQ lies otherwise than the eye-aligned square, which says where."""
    avatar = made[0].avatar
    assert not np.allclose(avatar.manifest["canvas"]["head"], avatar.manifest["canvas"]["matrix"])
    canvas = avatar.face.canvas(coefficients())
    turned = avatar.compositor.draw(canvas, np.array([0, 0.08, 0], np.float32))
    moved = np.abs(turned.astype(float) - avatar.compositor.draw(canvas, np.zeros(3, np.float32)))
    assert moved.mean() > 0.5


def test_nothing_is_left_where_nothing_can_be_made(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "x.avatar"
    for photo, generator, error in (
        (photos.GOOD["png"](tmp_path), tmp_path / "none.pkl", BadCheckpoint),
        (tmp_path / "none.jpg", checkpoint, BadPhoto),
    ):
        with pytest.raises(error):
            export_generated(photo, out, WHO, generator=generator)
        assert not out.exists()
    monkeypatch.setattr(generated, "_PART_LIMIT", 1000)
    with pytest.raises(BadInput, match="of a bundle"):
        export_generated(photos.GOOD["png"](tmp_path), out, WHO, generator=checkpoint)
    assert not out.exists()


def test_best_takes_more_work_than_fast() -> None:
    fast, best = EFFORTS["fast"], EFFORTS["best"]
    assert all(getattr(best, k) > v for k, v in vars(fast).items())
