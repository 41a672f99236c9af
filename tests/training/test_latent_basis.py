"""A basis from displacements keeps what it spans; latents are found that draw given frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from export.generator.lite import LiteConfig  # noqa: E402
from export.generator.prior import LitePrior, relative  # noqa: E402
from training.latent_basis import (  # noqa: E402
    Portrait,
    optimised,
    principal_basis,
    projected,
    scores,
)

pytestmark = pytest.mark.export
CONFIG = LiteConfig(w_dim=16, channels=(16,) * 6)


def test_a_basis_keeps_what_it_spans_the_most_telling_first() -> None:
    generator = torch.Generator().manual_seed(0)
    directions = torch.linalg.qr(torch.randn(24, 3, generator=generator))[0].T
    amounts = torch.randn(50, 3, generator=generator) * torch.tensor([9.0, 3.0, 1.0])
    sequence = (amounts @ directions).view(50, 4, 6)
    basis, energy = principal_basis([sequence[:20], sequence[20:]])
    assert energy[:3].sum() == pytest.approx(1)
    assert list(energy[:4].argsort(descending=True)) == [0, 1, 2, 3]
    torch.testing.assert_close(projected(sequence, basis[:3]), sequence, atol=1e-4, rtol=1e-4)
    lost = [(projected(sequence, basis[:k]) - sequence).norm() for k in (1, 2, 3)]
    assert lost[0] > lost[1] > lost[2]
    assert projected(torch.zeros(1, 4, 6), basis[:2]).abs().max() == 0, "rest stays at rest"


def test_latents_are_found_that_draw_given_frames(tmp_path: Path) -> None:
    """The frames are the generator's own, at latents that the decoder does not know of."""
    torch.manual_seed(0)
    prior = LitePrior(CONFIG).eval().requires_grad_(False)
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 255, (CONFIG.size, CONFIG.size, 3), np.uint8)
    path = tmp_path / "someone.npz"
    drawn = prior.synthesis(torch.zeros(1, CONFIG.num_ws, CONFIG.w_dim))
    empty = np.zeros((4, *drawn.shape[1:]), np.float16)
    faces = rng.random((4, 52)).astype(np.float32)
    landmarks = np.zeros((468, 2), np.float32)
    np.savez(path, photo=photo, landmarks=landmarks, faces=faces, fields=empty)
    stored = Portrait.load(path, prior)
    assert len(stored.faces) == len(stored.fields) == 3, "without rest"
    blind = stored.decoded(prior)
    hidden = blind + 0.4 * torch.randn(blind.shape)
    drawn = relative(prior.synthesis(stored.w + hidden), prior.synthesis(stored.w), stored.rest)
    portrait = replace(stored, fields=drawn)
    found = optimised(portrait, prior, steps=10)
    before, after, best = (scores([portrait], [d], prior) for d in (blind, found, hidden))
    assert after["mouth"] > before["mouth"] + 1
    assert best["mouth"] == pytest.approx(60, abs=0.1), "the cap of what is exact"
