"""Training learns from frames on disk, goes on from where it was, and releases what it has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from export.generator.lite import LiteConfig  # noqa: E402
from export.generator.prior import LitePrior  # noqa: E402
from export.puppet import Puppet  # noqa: E402
from tests.export.conftest import Face  # noqa: E402
from training.frames import write_frames  # noqa: E402
from training.portraits import RestPortrait  # noqa: E402
from training.prior import Frames, Trainer, evaluate, mirror_image  # noqa: E402

pytestmark = pytest.mark.export
SMALL = LiteConfig(w_dim=16, channels=(8,) * 6)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def frames(neutral: Face, tmp_path_factory: pytest.TempPathFactory) -> Frames:
    folder = tmp_path_factory.mktemp("frames")
    portrait = RestPortrait.of(Puppet(neutral.image, neutral.landmarks))
    for seed in range(2):
        write_frames(folder / f"{seed}.npz", portrait, motions=3, seed=seed)
    return Frames(sorted(folder.glob("*.npz")), CPU)


def trainer(frames: Frames) -> Trainer:
    torch.manual_seed(0)
    prior = LitePrior(SMALL)
    prior.encoder.mean.copy_(frames.landmarks.mean(0))
    pupil = Trainer(prior, 2e-3, CPU)
    pupil.step = 100  # the rate has risen
    return pupil


def learn(pupil: Trainer, frames: Frames, steps: int) -> list[float]:
    batch = frames.draw(1, 3, torch.Generator().manual_seed(0))
    return [float(pupil.learn(batch, batch.photo, 0.0)["flow px2"]) for _ in range(steps)]


def test_batches_begin_at_rest(frames: Frames) -> None:
    batch = frames.draw(5, 3, torch.Generator().manual_seed(0))
    assert batch.photo.shape == (5, 3, 128, 128)
    assert batch.fields.shape == (5, 4, 8, 128, 128)
    assert batch.landmarks.shape == (5, 468, 2)
    assert not batch.face[:, 0].any()
    assert batch.face[:, 1:].any(2).all()
    assert float(batch.photo.max()) <= 1


def test_it_learns_and_goes_on_from_its_checkpoint(frames: Frames, tmp_path: Path) -> None:
    pupil = trainer(frames)
    losses = learn(pupil, frames, 8)
    assert min(losses[-3:]) < 0.97 * losses[0]
    pupil.save(tmp_path / "checkpoint.pt")
    other = trainer(frames)
    other.resume(tmp_path / "checkpoint.pt")
    assert other.step == 108
    assert learn(pupil, frames, 2) == learn(other, frames, 2), "the optimiser's state as well"
    released = LitePrior.load(tmp_path / "average.safetensors")
    assert released.config == SMALL


def test_a_perfect_prior_overlaps_and_a_camera_is_the_same_each_time(frames: Frames) -> None:
    prior = LitePrior(SMALL).eval()
    once, twice = (evaluate(prior, frames, degraded=True) for _ in range(2))
    assert once == twice
    assert once["still dB"] != evaluate(prior, frames)["still dB"]
    assert 0 <= once["overlap"] < 0.6, "nothing was learned"


def test_the_mirror_of_the_mirror_is_the_landmark_itself() -> None:
    """People are not symmetric; their mean nearly is."""
    rng = np.random.default_rng(0)
    left = rng.uniform((0.1, 0.1), (0.45, 0.9), (230, 2))
    middle = np.c_[np.full(8, 0.5), np.linspace(0.1, 0.9, 8)]
    face = np.concatenate([left, left * (-1, 1) + (1, 0), middle])
    partner = mirror_image(face + rng.normal(0, 3e-3, (400, 468, 2)))
    assert np.array_equal(partner[:230], np.arange(230, 460))
    assert np.array_equal(partner[partner], np.arange(468))
    assert np.array_equal(partner[460:], np.arange(460, 468))
