"""Modulated convolution: the export form against the paper's, in single and in half precision."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402

from export.generator.modulation import (  # noqa: E402
    FullyConnected,
    ModulatedConv,
    resampling_filter,
    upsample,
)

pytestmark = pytest.mark.export


def example(**options: object) -> tuple[ModulatedConv, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    conv = ModulatedConv(6, 5, 3, 16, **options)  # type: ignore[arg-type]
    return conv, torch.randn(3, 6, 8, 8), torch.randn(3, 16)


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("demodulate", [False, True])
def test_constant_weights_equal_weights_of_each_sample(up: bool, demodulate: bool) -> None:
    conv, x, w = example(up=up, demodulate=demodulate)
    y = conv(x, w)
    assert y.shape == (3, 5, 16, 16) if up else (3, 5, 8, 8)
    torch.testing.assert_close(y, conv.reference(x, w), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("demodulate", [False, True])
def test_freezing_changes_nothing(demodulate: bool) -> None:
    conv, x, w = example(demodulate=demodulate)
    before = conv(x, w)
    conv.freeze()
    conv.freeze()
    assert torch.equal(conv(x, w), before)
    assert not conv.weight.requires_grad


def test_demodulation_gives_unit_power() -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(64, 64, 3, 16)
    y = conv(torch.randn(4, 64, 16, 16), 10 * torch.randn(4, 16))[..., 1:-1, 1:-1]
    assert 0.9 < float(y.detach().std()) < 1.1


@pytest.mark.parametrize("demodulate", [False, True])
def test_large_weights_and_styles_do_not_overflow_in_half(demodulate: bool) -> None:
    conv, x, w = example(demodulate=demodulate)
    with torch.no_grad():
        conv.weight.mul_(300 if demodulate else 1)
        conv.affine.weight.mul_(300 if demodulate else 30)
        wanted = conv(x, w)
        conv.freeze()
        got = conv.half()(x.half(), w.half()).float()
    assert (got - wanted).abs().max() < 5e-3 * wanted.abs().max()


def test_the_filter_has_the_gain_of_its_upsampling() -> None:
    kernel = resampling_filter(torch.zeros(1, 2, 1, 1))
    assert kernel.shape == (2, 1, 4, 4)
    assert float(kernel[0].sum()) == pytest.approx(4)


def test_upsampling_is_linear_between_pixels_and_dark_around() -> None:
    x = torch.randn(1, 3, 5, 5)
    y = upsample(x)
    linear = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    torch.testing.assert_close(y[..., 1:-1, 1:-1], linear[..., 1:-1, 1:-1])
    assert y.shape == linear.shape
    assert (y[..., 0, 1:-1] - 0.75 * linear[..., 0, 1:-1]).abs().max() < 1e-5


def test_the_multiplier_slows_a_layer_down_but_leaves_its_scale() -> None:
    torch.manual_seed(0)
    slow, fast = FullyConnected(256, 64, lr_multiplier=0.01), FullyConnected(256, 64)
    x = torch.randn(500, 256)
    assert float(slow(x).detach().std()) == pytest.approx(float(fast(x).detach().std()), rel=0.05)
    assert float(slow.weight.detach().std()) == pytest.approx(100, rel=0.05)
