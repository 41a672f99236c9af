"""The lite generator against the paper's own form of modulated convolution."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from torch import Tensor  # noqa: E402
from torch.nn import functional  # noqa: E402

from export.generator.lite import CHANNELS, LiteConfig, LiteSynthesis, ModulatedConv  # noqa: E402

pytestmark = pytest.mark.export
SMALL = LiteConfig(w_dim=16, channels=(12, 10, 8))


def modulated_weights(conv: ModulatedConv, x: Tensor, w: Tensor) -> Tensor:
    """Karras et al. 2020, equations 1 and 3: each sample has weights of its own."""
    style = conv.affine(w)
    weight = conv.weight[None] * conv.gain * style[:, None, :, None, None]
    if conv.demodulate:
        weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
    out = [
        functional.conv2d(x[k : k + 1], weight[k], padding=weight.shape[-1] // 2)
        for k in range(len(x))
    ]
    return torch.cat(out) + conv.bias[:, None, None]


@pytest.mark.parametrize(("kernel", "demodulate"), [(3, True), (1, False)])
def test_modulation_of_activations_equals_modulation_of_weights(
    kernel: int, demodulate: bool
) -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(6, 5, kernel, 16, demodulate)
    torch.nn.init.normal_(conv.bias)
    x, w = torch.randn(3, 6, 8, 8), torch.randn(3, 16)
    torch.testing.assert_close(conv(x, w), modulated_weights(conv, x, w), atol=1e-5, rtol=1e-4)


def test_demodulation_keeps_the_scale() -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(64, 64, 3, 16)
    x = torch.randn(4, 64, 16, 16)
    for strength in (0.1, 1.0, 10.0):
        y = conv(x, strength * torch.randn(4, 16))[..., 1:-1, 1:-1]
        assert 0.7 < y.detach().std() < 1.4


def test_sizes_follow_from_the_configuration() -> None:
    assert (LiteConfig().size, LiteConfig().num_ws) == (128, 12)
    assert (SMALL.size, SMALL.num_ws) == (16, 6)
    fields = LiteSynthesis(SMALL)(torch.randn(2, 6, 16))
    assert fields.shape == (2, CHANNELS, 16, 16)


def test_every_row_of_the_latent_counts() -> None:
    torch.manual_seed(0)
    synthesis, ws = LiteSynthesis(SMALL), torch.randn(1, 6, 16)
    still = synthesis(ws)
    for row in range(SMALL.num_ws):
        moved = ws.clone()
        moved[:, row] += 1
        assert (synthesis(moved) - still).abs().max() > 1e-3, row


def test_it_does_not_flicker() -> None:
    synthesis, ws = LiteSynthesis(SMALL), torch.randn(1, 6, 16)
    assert torch.equal(synthesis(ws), synthesis(ws))


def test_samples_of_a_batch_do_not_mix() -> None:
    torch.manual_seed(0)
    synthesis, ws = LiteSynthesis(SMALL), torch.randn(3, 6, 16)
    alone = torch.cat([synthesis(w[None]) for w in ws])
    torch.testing.assert_close(synthesis(ws), alone, atol=1e-5, rtol=1e-4)
