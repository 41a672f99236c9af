"""The discriminator's parts do what their papers say."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from training.paper.discriminator import (  # noqa: E402
    Discriminator,
    augmented,
    r1_penalty,
)

CHANNELS = (16, 16, 8, 8)


def test_features_are_each_pictures_own_and_logits_know_the_batch() -> None:
    torch.manual_seed(0)
    network = Discriminator(CHANNELS)
    pictures = torch.randn(4, 3, 32, 32)
    assert network(pictures).shape == (4,)
    alone = torch.cat([network.features(p[None]) for p in pictures])
    torch.testing.assert_close(network.features(pictures), alone, rtol=1e-4, atol=1e-5)
    equal = network(pictures[:1].expand(4, -1, -1, -1))[0]
    assert not torch.isclose(network(pictures)[0], equal, rtol=1e-3)


def test_augmentation_is_differentiable_and_differs_from_picture_to_picture() -> None:
    torch.manual_seed(0)
    picture = torch.rand(1, 3, 32, 32).expand(4, -1, -1, -1).clone().requires_grad_(True)
    seen = augmented(picture)
    assert seen.shape == picture.shape
    assert not torch.allclose(seen[0], seen[1])
    (slope,) = torch.autograd.grad(seen.sum(), picture)
    assert slope.abs().sum() > 0


def test_r1_is_the_squared_slope_at_real_pictures() -> None:
    class Linear(Discriminator):
        def forward(self, picture: torch.Tensor) -> torch.Tensor:
            return 0.5 * picture.sum((1, 2, 3))

    pictures = torch.randn(3, 3, 32, 32)
    assert float(r1_penalty(Linear(CHANNELS), pictures)) == pytest.approx(0.5 * 0.25 * 3 * 32 * 32)
