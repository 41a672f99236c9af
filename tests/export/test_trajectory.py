"""Displacements: motion finds its way through a frozen generator."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from engine.motion import ARKIT  # noqa: E402
from export.generator.stylegan2 import Generator, StyleGAN2Config  # noqa: E402
from export.multiscale import MultiScaleFeatures  # noqa: E402
from export.trajectory import fit_displacement  # noqa: E402

pytestmark = pytest.mark.export
CONFIG = StyleGAN2Config((16, 16, 8), z_dim=16, w_dim=16, num_layers=2)


def test_motion_moves_the_picture_as_it_was_taught() -> None:
    torch.manual_seed(0)
    synthesis = Generator(CONFIG).eval().requires_grad_(False).synthesis
    pivot = torch.randn(1, CONFIG.num_ws, 16)
    opening = 0.5 * torch.randn(1, CONFIG.num_ws, 16)
    faces = torch.zeros(24, len(ARKIT))
    faces[:, 7] = torch.linspace(0, 1, 24)
    codes = faces[:, 7, None, None] * opening
    with torch.no_grad():
        pictures = synthesis(pivot + codes)
    shares: list[float] = []
    decoder = fit_displacement(
        synthesis, pivot, faces, lambda chosen: pictures[chosen], codes[:12], MultiScaleFeatures(),
        steps=40, progress=shares.append,
    )  # fmt: skip
    with torch.no_grad():
        moved = decoder(faces, pivot.expand(24, -1, -1))
        drawn = synthesis(pivot + moved)
        still = (synthesis(pivot) - pictures).square().mean()
    assert not moved[0].any()  # nothing at rest
    assert (drawn - pictures).square().mean() < 0.05 * still
    assert shares[-1] == 1.0
    assert not any(p.requires_grad for p in decoder.parameters())
