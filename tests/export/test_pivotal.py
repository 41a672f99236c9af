"""Pivotal tuning draws the images at their pivots, and leaves the rest of the space alone."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from export.generator.stylegan2 import StyleGAN2Config, Synthesis  # noqa: E402
from export.pivotal import PivotalPlan, neighbours, pivotal_tuning  # noqa: E402

pytestmark = pytest.mark.export
CONFIG = StyleGAN2Config((16, 16, 8), z_dim=16, w_dim=16)


def phi(picture: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(picture, 2).flatten(1) / 8


def setup() -> tuple[Synthesis, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    synthesis = Synthesis(CONFIG)
    pivots = torch.randn(3, CONFIG.num_ws, CONFIG.w_dim)
    with torch.no_grad():
        pictures = synthesis(pivots).flip(3) * 0.5
    return synthesis, pivots, pictures


def random_w(count: int) -> torch.Tensor:
    return torch.randn(count, CONFIG.w_dim)


def test_the_images_are_drawn_and_the_given_network_stays() -> None:
    synthesis, pivots, pictures = setup()
    before = copy.deepcopy(synthesis.state_dict())
    told: list[float] = []
    plan = PivotalPlan(steps=30, rate=3e-3)
    tuned = pivotal_tuning(synthesis, pivots, pictures, phi, random_w, plan, told.append)
    with torch.no_grad():
        error = [(net(pivots) - pictures).square().mean() for net in (synthesis, tuned)]
    assert error[1] < 0.5 * error[0]
    assert all(torch.equal(before[k], v) for k, v in synthesis.state_dict().items())
    assert told[-1] == 1.0
    assert len(told) == 30


def test_locality_holds_the_neighbourhood() -> None:
    synthesis, pivots, pictures = setup()
    torch.manual_seed(5)
    near = neighbours(pivots, random_w(3), 5.0)
    drift = []
    for locality in (0.0, 3.0):
        torch.manual_seed(1)
        plan = PivotalPlan(steps=25, rate=3e-3, locality=locality, alpha=5.0)
        tuned = pivotal_tuning(synthesis, pivots, pictures, phi, random_w, plan)
        with torch.no_grad():
            drift.append(float((tuned(near) - synthesis(near)).square().mean()))
    assert drift[1] < 0.7 * drift[0]


def test_neighbours_lie_at_alpha_on_the_way_to_w() -> None:
    pivots, w = torch.zeros(2, 6, 16), torch.randn(2, 16)
    near = neighbours(pivots, w, 30.0)
    torch.testing.assert_close(near.flatten(1).norm(dim=1), torch.full((2,), 30.0))
    way = torch.nn.functional.cosine_similarity(near[0, 2], w[0], dim=0)
    assert float(way) == pytest.approx(1.0, abs=1e-5)
