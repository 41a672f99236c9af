"""The generator learns to draw what its encoder sees, resumes where it was, and is read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engine.errors import ModelMismatch  # noqa: E402
from export.generator.stylegan2 import StyleGAN2Config  # noqa: E402
from training.paper.autoencoder import Pictures, Trainer  # noqa: E402
from training.paper.crops import Crops  # noqa: E402
from training.paper.generator import main  # noqa: E402
from training.paper.pretrained import Pretrained, as_input, as_pictures  # noqa: E402
from training.paper.reconstruction import Losses, attention, reconstruction  # noqa: E402

pytestmark = pytest.mark.export
CONFIG = StyleGAN2Config((16, 16, 16, 16), z_dim=16, w_dim=16, num_layers=2)


def trainer() -> Trainer:
    torch.manual_seed(0)
    return Trainer(CONFIG, torch.device("cpu"), Losses(), half=False)


def test_pictures_are_drawn_better_and_better(corpus: Crops) -> None:
    made, pictures = trainer(), Pictures(corpus, torch.device("cpu"))
    parts = [made.train_step(pictures, 4, 0.5) for _ in range(25)]
    first, last = (
        float(torch.stack([p["pixels"] for p in some]).mean()) for some in (parts[:5], parts[-5:])
    )
    assert last < 0.85 * first
    assert {"fooled", "fooled z", "told"} <= set(parts[-1])
    assert "r1" in parts[0]
    assert "r1" not in parts[1]


def test_the_adversary_waits(corpus: Crops) -> None:
    made, pictures = trainer(), Pictures(corpus, torch.device("cpu"))
    before = made.nets.discriminator.logit.weight.clone()
    assert "fooled" not in made.train_step(pictures, 2, 0.0)
    assert torch.equal(before, made.nets.discriminator.logit.weight)


def test_a_checkpoint_goes_on_where_it_was(corpus: Crops, tmp_path: Path) -> None:
    pictures = Pictures(corpus, torch.device("cpu"))
    one = trainer()
    one.train_step(pictures, 2, 0.5)
    one.spent = 0.25
    one.save(tmp_path / "checkpoint.pt")
    two = trainer()
    two.load(tmp_path / "checkpoint.pt")
    assert (two.step, two.spent) == (1, 0.25)
    for made in (one, two):
        torch.manual_seed(7)
        made.train_step(pictures, 2, 0.5)
    for a, b in zip(one.nets.modules(), two.nets.modules(), strict=True):
        for x, y in zip(a.parameters(), b.parameters(), strict=True):
            torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-5)


def test_the_mouth_counts_most_and_a_perfect_drawing_costs_nothing() -> None:
    weight = attention(64)
    assert float(weight.mean()) == pytest.approx(1.0, abs=1e-5)
    assert np.unravel_index(int(weight.argmax()), (64, 64))[0] == pytest.approx(0.70 * 64, abs=2)
    picture = torch.rand(2, 3, 64, 64)
    assert [float(p) for p in reconstruction(picture, picture, weight)] == [0.0, 0.0]
    assert float(reconstruction(picture, 1 - picture, weight)[0]) > 0.1


def test_the_command_trains_for_its_time_and_writes_everything(
    crops_file: Path, tmp_path: Path
) -> None:
    main(
        minutes=0.02, crops=crops_file, out=tmp_path, batch=2, channel_base=256, channel_max=16,
        threads=1, start=None, clips=0.5, rate=2e-3, encoder_rate=1e-3, mirror=True, mouth=1.0,
        adversary=True, half=True, save_every=60,
    )  # fmt: skip
    nets = Pretrained.load(tmp_path)
    assert nets.generator.config.resolution == 32
    assert (tmp_path / "sheet.png").exists()
    assert (tmp_path / "psnr.csv").read_text().startswith("step,minutes,psnr")
    with torch.no_grad():
        w = nets.codes(torch.zeros(2, 32, 32, 3, dtype=torch.uint8))
        assert nets.draw(w).shape == (2, 3, 32, 32)


def test_pictures_pass_through_the_network_range() -> None:
    pictures = torch.randint(0, 256, (2, 8, 8, 3), dtype=torch.uint8)
    assert torch.equal(as_pictures(as_input(pictures)), pictures)


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMismatch, match="make train-paper"):
        Pretrained.load(tmp_path)
