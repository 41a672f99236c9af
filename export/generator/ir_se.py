"""The encoder of pixel2style2pixel and encoder4editing: a picture -> W+.

Richardson et al., "Encoding in Style: a StyleGAN Encoder for Image-to-Image Translation" (CVPR
2021), section 3: an IR-SE50 trunk (ArcFace's residual units with squeeze and excitation), a pyramid
over three of its maps, and a head of strided convolutions for each row of W+. Tov et al.,
"Designing an Encoder for StyleGAN Image Manipulation" (SIGGRAPH 2021), section 4: the first head
gives w, the others what their rows add to it. Tensors are called what files of both call them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from export.generator.modulation import FullyConnected

__all__ = ["COARSE_ROWS", "INPUT", "MIDDLE_ROWS", "Head", "StyleEncoder", "Unit"]

INPUT = 256  # pixels a side of the picture
# Rows from the coarse map of 16 x 16, then from the middle one of 32 x 32, the rest from 64 x 64.
COARSE_ROWS, MIDDLE_ROWS = 3, 4
_UNITS = (3, 4, 14, 3)  # at 128, 64, 32 and 16 pixels
_SQUEEZE = 16


class _SqueezeExcitation(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // _SQUEEZE, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // _SQUEEZE, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        squeezed = functional.relu(self.fc1(x.mean((2, 3), keepdim=True)))
        return x * torch.sigmoid(self.fc2(squeezed))


class Unit(nn.Module):
    """An improved residual unit (Deng et al., ArcFace, CVPR 2019) with squeeze and excitation."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module
        if c_in == c_out:
            self.shortcut_layer = nn.MaxPool2d(1, stride)
        else:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(c_in),
            nn.Conv2d(c_in, c_out, 3, padding=1, bias=False),
            nn.PReLU(c_out),
            nn.Conv2d(c_out, c_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(c_out),
            _SqueezeExcitation(c_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[B, c_in, H, W]`` -> ``[B, c_out, H / stride, W / stride]``."""
        return self.res_layer(x) + self.shortcut_layer(x)


class Head(nn.Module):
    """A map of ``side`` x ``side`` -> one row of W+: halved until a pixel is left."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        while side > 1:
            layers += [nn.Conv2d(channels, channels, 3, 2, padding=1), nn.LeakyReLU(0.01)]
            side //= 2
        self.convs = nn.Sequential(*layers)
        self.linear = FullyConnected(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, side, side]`` -> ``[B, C]``."""
        return self.linear(self.convs(x).flatten(1))


class StyleEncoder(nn.Module):
    """``[B, 3, 256, 256]``, black -1 and white 1 -> codes ``[B, num_ws, w_dim]``.

    deltas: encoder4editing's way, rows are what they add to the first.
    width: channels of the first units; w_dim is eight times that. latent_avg: ``[num_ws, w_dim]``,
    added to the codes (zero where a file was trained without).
    """

    def __init__(self, num_ws: int, *, deltas: bool = False, width: int = 64) -> None:
        super().__init__()
        self.num_ws, self.deltas = num_ws, deltas
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.PReLU(width)
        )
        units: list[nn.Module] = []
        c_in = width
        for stage, count in enumerate(_UNITS):
            for k in range(count):
                units.append(Unit(c_in, width << stage, stride=2 if k == 0 else 1))
                c_in = width << stage
        self.body = nn.Sequential(*units)
        self.w_dim = channels = 8 * width
        self.styles = nn.ModuleList(Head(channels, self.side(k)) for k in range(num_ws))
        self.latlayer1 = nn.Conv2d(channels // 2, channels, 1)
        self.latlayer2 = nn.Conv2d(channels // 4, channels, 1)
        self.latent_avg: Tensor
        self.register_buffer("latent_avg", torch.zeros(num_ws, channels), persistent=False)

    @staticmethod
    def side(row: int) -> int:
        """Of the map that gives a row of W+."""
        return 16 if row < COARSE_ROWS else 32 if row < COARSE_ROWS + MIDDLE_ROWS else 64

    def pyramid(self, picture: Tensor) -> dict[int, Tensor]:
        """Maps by their side: 16, 32 and 64."""
        x = self.input_layer(picture)
        ends = [sum(_UNITS[: k + 1]) - 1 for k in range(1, len(_UNITS))]
        taps = []
        for k, unit in enumerate(self.body):
            x = unit(x)
            if k in ends:
                taps.append(x)
        fine, middle, coarse = taps
        p2 = _larger(coarse, middle) + self.latlayer1(middle)
        p1 = _larger(p2, fine) + self.latlayer2(fine)
        return {16: coarse, 32: p2, 64: p1}

    def forward(self, picture: Tensor) -> Tensor:
        """The codes, the average latent added."""
        maps = self.pyramid(picture)
        rows = torch.stack([head(maps[self.side(k)]) for k, head in enumerate(self.styles)], 1)
        if self.deltas:
            rows = torch.cat([rows[:, :1], rows[:, :1] + rows[:, 1:]], 1)
        return rows + self.latent_avg


def _larger(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, like.shape[2:], mode="bilinear", align_corners=True)
