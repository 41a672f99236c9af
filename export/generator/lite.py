"""The lite generator: StyleGAN2 synthesis whose heads give a flow, an alpha and a colour.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR 2020): modulated
convolution with demodulation (section 2.2) and skip heads (section 4). Instead of RGB the skip
heads sum up the fields of ``engine.face``; the frame is the identity's photo warped by the flow,
with colour blended in by alpha. No noise inputs: a talking face must not flicker.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.face import FIELDS

__all__ = ["CHANNELS", "LiteConfig", "LiteSynthesis", "ModulatedConv"]

CHANNELS = sum(FIELDS.values())
# One raw unit of flow is this many canvas units: keeps all heads at a similar scale.
FLOW_UNIT = 0.05


@dataclass(frozen=True)
class LiteConfig:
    """w_dim: width of a latent row. channels: of the blocks at 4, 8, 16, ... canvas pixels."""

    w_dim: int = 128
    channels: tuple[int, ...] = (128, 128, 128, 80, 48, 24)

    @property
    def size(self) -> int:
        """Side of the canvas in pixels."""
        return 4 << (len(self.channels) - 1)

    @property
    def num_ws(self) -> int:
        """Rows of W+: one for each convolution and one for the last head."""
        return 2 * len(self.channels)


class ModulatedConv(nn.Module):
    """Weight modulation and demodulation, written on the activations.

    ``(s_i W) * x`` equals ``W * (s_i x)``, so the weights stay constant and the graph exports to
    plain convolutions; demodulation divides output j by ``sqrt(sum_i,k (s_i W_jik)^2)``.
    """

    def __init__(
        self, c_in: int, c_out: int, kernel: int, w_dim: int, demodulate: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in, kernel, kernel))
        self.gain = (c_in * kernel * kernel) ** -0.5
        self.affine = nn.Linear(w_dim, c_in)
        nn.init.normal_(self.affine.weight, std=w_dim**-0.5)
        nn.init.ones_(self.affine.bias)
        self.bias = nn.Parameter(torch.zeros(c_out))
        self.demodulate = demodulate

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x ``[B, c_in, H, W]``, w ``[B, w_dim]`` -> ``[B, c_out, H, W]``."""
        weight = self.weight * self.gain
        style = self.affine(w)  # [B, c_in]
        y = functional.conv2d(x * style[:, :, None, None], weight, padding=weight.shape[-1] // 2)
        if self.demodulate:
            power = style.square() @ weight.square().sum((2, 3)).T  # [B, c_out]
            y = y * torch.rsqrt(power + 1e-8)[:, :, None, None]
        return y + self.bias[:, None, None]


def _up(x: Tensor) -> Tensor:
    """Twice the size with StyleGAN2's [1, 3, 3, 1] filter, which bilinear interpolation is."""
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class _Block(nn.Module):
    """Two convolutions and a head at one resolution."""

    def __init__(self, c_in: int, c_out: int, w_dim: int, first: bool) -> None:
        super().__init__()
        self.first = first
        self.conv0 = ModulatedConv(c_in, c_out, 3, w_dim)
        self.conv1 = ModulatedConv(c_out, c_out, 3, w_dim)
        self.head = ModulatedConv(c_out, CHANNELS, 1, w_dim, demodulate=False)

    def forward(self, x: Tensor, fields: Tensor | None, ws: Tensor) -> tuple[Tensor, Tensor]:
        """ws ``[B, 3, w_dim]``: the rows of conv0, conv1 and the head."""
        # As in StyleGAN2 the first convolution runs at the lower resolution, then the filter.
        x = functional.leaky_relu(self.conv0(x, ws[:, 0]), 0.2)
        x = x if self.first else _up(x)
        x = functional.leaky_relu(self.conv1(x, ws[:, 1]), 0.2)
        head = self.head(x, ws[:, 2])
        return x, head if fields is None else _up(fields) + head


class LiteSynthesis(nn.Module):
    """W+ -> raw fields."""

    def __init__(self, config: LiteConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels
        self.const = nn.Parameter(torch.randn(1, channels[0], 4, 4))
        self.blocks = nn.ModuleList(
            _Block(c_in, c_out, config.w_dim, first=k == 0)
            for k, (c_in, c_out) in enumerate(zip((channels[0], *channels), channels, strict=False))
        )

    def forward(self, ws: Tensor) -> Tensor:
        """ws ``[B, num_ws, w_dim]`` -> ``[B, 8, size, size]``, unbounded; flow in canvas units."""
        x, fields = self.const.expand(len(ws), -1, -1, -1), None
        for k, block in enumerate(self.blocks):
            rows = ws[:, 2 * k : 2 * k + 3]
            if k == len(self.blocks) - 1:  # the last head has the last row to itself and conv1
                rows = torch.cat([rows, rows[:, -1:]], 1)[:, :3]
            x, fields = block(x, fields, rows)
        assert fields is not None
        return torch.cat([fields[:, :2] * FLOW_UNIT, fields[:, 2:]], 1)
