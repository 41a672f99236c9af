"""Inversion: what a generator drew is found again, and noise is kept from carrying it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from export.generator.stylegan2 import Generator, StyleGAN2Config  # noqa: E402
from export.multiscale import MultiScaleFeatures  # noqa: E402
from export.projector import Projection, noise_regularisation, project  # noqa: E402

pytestmark = pytest.mark.export
CONFIG = StyleGAN2Config((16, 16, 12, 8), z_dim=16, w_dim=16, num_layers=2)


def test_a_drawn_picture_is_found_again() -> None:
    torch.manual_seed(0)
    generator = Generator(CONFIG).eval().requires_grad_(False)
    mean, spread = generator.mapping.statistics(500)
    with torch.no_grad():
        codes = generator.mapping.broadcast(torch.randn(2, 16), CONFIG.num_ws)
        targets = generator.synthesis(codes)
    start = mean.expand(1, CONFIG.num_ws, -1)
    shares: list[float] = []
    found = project(
        generator.synthesis, targets, start, spread, MultiScaleFeatures(),
        Projection(steps=80), shares.append,
    )  # fmt: skip
    with torch.no_grad():
        before = (generator.synthesis(start) - targets).square().mean((1, 2, 3))
        after = (generator.synthesis(found) - targets).square().mean((1, 2, 3))
    assert found.shape == codes.shape
    assert (after < 0.1 * before).all()
    assert shares[-1] == 1.0
    assert shares == sorted(shares)


def test_pictures_of_a_batch_are_found_as_if_alone() -> None:
    torch.manual_seed(0)
    generator = Generator(CONFIG).eval().requires_grad_(False)
    targets = torch.rand(2, 3, 32, 32) * 2 - 1
    plan = Projection(steps=5, jitter=0.0)
    start = torch.zeros(1, CONFIG.num_ws, 16)
    phi = MultiScaleFeatures()
    both = project(generator.synthesis, targets, start, 1.0, phi, plan)
    alone = project(generator.synthesis, targets[1:], start, 1.0, phi, plan)
    torch.testing.assert_close(both[1:], alone, atol=1e-3, rtol=1e-3)


def test_noise_is_normalised_and_comes_out_frozen() -> None:
    torch.manual_seed(0)
    synthesis = Generator(CONFIG).eval().requires_grad_(False).synthesis
    for layer in (synthesis.b8.conv0, synthesis.b32.conv1):
        layer.noise_strength += 0.3
    assert synthesis.noise_is_used()
    noises = synthesis.noises()
    target = torch.rand(1, 3, 32, 32)
    start = torch.zeros(1, CONFIG.num_ws, 16)
    project(
        synthesis, target, start, 1.0, MultiScaleFeatures(), Projection(steps=10), noises=noises
    )
    for picture in noises:
        assert abs(float(picture.mean())) < 1e-3
        assert float(picture.square().mean()) == pytest.approx(1, abs=1e-3)
        assert not picture.requires_grad
    assert all(a is b for a, b in zip(noises, synthesis.noises(), strict=True))


def test_smooth_noise_costs_and_white_noise_does_not() -> None:
    torch.manual_seed(0)
    white = torch.randn(64, 64)
    smooth = torch.nn.functional.avg_pool2d(torch.randn(1, 1, 70, 70), 7, 1)[0, 0]
    smooth = smooth / smooth.std()
    assert noise_regularisation([smooth]) > 20 * noise_regularisation([white])
