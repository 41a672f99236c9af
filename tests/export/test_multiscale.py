"""Fixed features: zero for equals, small for what eyes forgive, large for what they do not."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402

from export.multiscale import Focused, MultiScaleFeatures  # noqa: E402

pytestmark = pytest.mark.export


def face(shift: int = 0) -> torch.Tensor:
    """A disc with two dark spots and a bar."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0) - shift, indexing="ij")
    picture = ((x - 32) ** 2 + (y - 32) ** 2 < 500).float()
    for cx, cy in ((24, 26), (40, 26)):
        picture -= 0.8 * ((x - cx) ** 2 + (y - cy) ** 2 < 10).float()
    picture -= 0.5 * (((x - 32).abs() < 8) & ((y - 44).abs() < 2)).float()
    return picture.expand(1, 3, 64, 64) * 2 - 1


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    phi = MultiScaleFeatures()
    return float((phi(a) - phi(b)).square().sum())


def test_equal_pictures_are_at_no_distance() -> None:
    assert distance(face(), face()) == 0


def test_a_missing_mouth_is_worse_than_other_light() -> None:
    without = face().clone()
    without[:, :, 40:48, 20:44] = 1
    dimmed = face() * 0.95
    assert distance(face(), without) > 1.5 * distance(face(), dimmed)


def test_shape_counts_more_than_in_squared_differences() -> None:
    """Of two changes of equal squares, smoothing is further away than more light."""
    smooth = functional.avg_pool2d(face(), 5, 1, 2, count_include_pad=False)
    lighter = face() + (smooth - face()).square().mean().sqrt()
    assert distance(face(), smooth) > 2 * distance(face(), lighter)


def test_it_has_gradients_everywhere() -> None:
    picture = torch.zeros(2, 3, 40, 64, requires_grad=True)
    phi = MultiScaleFeatures()
    assert phi(picture).shape[0] == 2
    (phi(picture) - phi(face()[..., :40, :].expand(2, -1, -1, -1))).square().sum().backward()
    assert picture.grad is not None
    assert torch.isfinite(picture.grad).all()
    assert (picture.grad != 0).any(1).float().mean() > 0.9


def test_parts_weigh_as_much_as_the_whole() -> None:
    phi = Focused(MultiScaleFeatures(), ((slice(40, 56), slice(20, 44)),))
    changed = face().clone()
    changed[:, :, 40:48, 20:44] = 1
    whole = distance(face(), changed)
    assert float((phi(face()) - phi(changed)).square().sum()) > 3 * whole
