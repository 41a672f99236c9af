"""Rows of the table are drawn from what they name, and only where it is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer

torch = pytest.importorskip("torch")

from export.generator.stylegan2 import StyleGAN2Config  # noqa: E402
from export.perceptual import EncoderFeatures  # noqa: E402
from export.pivotal import PivotalPlan  # noqa: E402
from training.paper.crops import Crops  # noqa: E402
from training.paper.networks import SplitForm, principal_basis  # noqa: E402
from training.paper.pretrained import Pretrained, as_input  # noqa: E402
from training.paper.rows import (  # noqa: E402
    ROWS,
    Row,
    Trajectories,
    read_drawn,
    write_drawn,
)
from training.paper.stage2 import draw, frames_of, tune  # noqa: E402

pytestmark = pytest.mark.export


@pytest.fixture(scope="module")
def nets() -> Pretrained:
    torch.manual_seed(0)
    config = StyleGAN2Config((16, 16, 16, 16), z_dim=16, w_dim=16, num_layers=2)
    return Pretrained.new(config).to(torch.device("cpu"))


@pytest.fixture(scope="module")
def runs(corpus: Crops, nets: Pretrained, tmp_path_factory: pytest.TempPathFactory):
    """Stage 1 as it leaves its files: the paper's form, the split form, speech to motion."""
    torch.manual_seed(0)
    basis, _ = principal_basis(nets.codes(torch.from_numpy(corpus.clips[0].pictures)), 4)
    parts = {f"basis/{k}": v.numpy() for k, v in basis.named_buffers()}
    split = {f"network/{k}": v.detach().numpy() for k, v in SplitForm(basis).state_dict().items()}
    reduced = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    motion = np.full((30, 52), 0.3, np.float32)
    folder, found = tmp_path_factory.mktemp("stage1"), {}
    for name, arrays in {
        "paper": parts | {"said/s1_c": reduced},
        "split": split,
        "speech": {"said/s1_c": motion},
    }.items():
        np.savez(folder / f"{name}.npz", **arrays)
        found[name] = Trajectories(folder / f"{name}.npz")
    return found


def named(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


def test_rows_take_what_they_name(corpus: Crops, nets: Pretrained, runs, tmp_path: Path) -> None:
    clip = corpus.clips[2]

    def drawn(name: str) -> np.ndarray | None:
        return draw(named(name), clip, nets, runs, tmp_path, 3)

    still = drawn("still, drawn")
    assert still.shape == (10, 32, 32, 3)
    assert (still == still[0]).all()
    for name in ("inversion", "paper, stage 1 only", "split, stage 1 only"):
        moving = drawn(name)
        assert moving.shape == still.shape
        assert (moving != still).any()
    assert drawn("paper") is None  # nothing has been tuned
    assert drawn("paper without L_lpips") is None


def test_tuning_brings_the_drawing_nearer_and_is_then_used(
    corpus: Crops, nets: Pretrained, runs, tmp_path: Path
) -> None:
    pictures = frames_of(corpus.clips, "s1", 4)
    plan = PivotalPlan(steps=25, rate=3e-3)
    tuned = tune(nets, pictures, EncoderFeatures(nets.encoder), plan)
    codes, wanted = nets.codes(torch.from_numpy(pictures)), as_input(torch.from_numpy(pictures))
    with torch.no_grad():
        error = [
            (g(codes, "none") - wanted).square().mean() for g in (nets.generator.synthesis, tuned)
        ]
    assert error[1] < 0.7 * error[0]
    torch.save({k: v.half() for k, v in tuned.state_dict().items()}, tmp_path / "s1-video.pt")
    before = draw(named("paper, stage 1 only"), corpus.clips[2], nets, runs, tmp_path, 3)
    after = draw(named("paper"), corpus.clips[2], nets, runs, tmp_path, 3)
    assert after is not None
    assert (before != after).any()


def test_a_person_is_tuned_on_clips_to_train_on_and_a_stranger_on_one_image(corpus: Crops) -> None:
    assert frames_of(corpus.clips, "s1", 5).shape[0] == 5
    image = frames_of(corpus.clips, "x_d", 75)
    assert (image == corpus.clips[3].pictures[1:2]).all()
    with pytest.raises(typer.BadParameter, match="neither"):
        frames_of(corpus.clips, "s9", 1)


def test_what_is_drawn_survives_its_file(corpus: Crops, tmp_path: Path) -> None:
    drawn = {"paper/s1_c": corpus.clips[2].pictures[::3], "split/x_d": corpus.clips[3].pictures[:2]}
    write_drawn(drawn, 3, tmp_path / "drawn.npz")
    again, every, videos = read_drawn(tmp_path / "drawn.npz")
    assert (every, videos) == (3, False)
    assert {k: v.shape for k, v in again.items()} == {k: v.shape for k, v in drawn.items()}
    for key, frames in drawn.items():
        assert np.mean((frames.astype(float) - again[key]) ** 2) < 60
