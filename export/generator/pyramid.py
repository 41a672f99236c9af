"""A small encoder into W+ that reads a feature pyramid, for generators that this project trains.

After Richardson et al., "Encoding in Style: a StyleGAN Encoder for Image-to-Image Translation"
(CVPR 2021, pixel2style2pixel): coarse, middle and fine features of a pyramid give the coarse,
middle and fine rows of W+, as distances from the mean w. Residual blocks with group normalisation
stand for the IR-SE50 trunk, and one head for each of the three levels instead of one for each row.
Files of pixel2style2pixel itself are read by ``export.generator.checkpoints``.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["COARSE_ROWS", "MIDDLE_ROWS", "PyramidEncoder"]

# Rows that the paper takes from its coarse and its middle map; the finer ones take the rest.
COARSE_ROWS, MIDDLE_ROWS = 3, 4
_CHANNELS = (8, 8, 16, 24, 48, 96, 128, 192)  # of a trunk that begins at 1024 pixels
_PYRAMID = 128  # channels of its three maps
_HEAD = 64  # channels before a head's dense layer


def _normalised(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(8, channels)


class _Down(nn.Module):
    """Half the size: two convolutions beside a shortcut."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(c_in, c_in, 3, padding=1)
        self.norm0 = _normalised(c_in)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride=2, padding=1)
        self.norm1 = _normalised(c_out)
        self.skip = nn.Conv2d(c_in, c_out, 1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.leaky_relu(self.norm0(self.conv0(x)), 0.2)
        return functional.leaky_relu(self.norm1(self.conv1(y)) + self.skip(x), 0.2)


class _Rows(nn.Module):
    """A map of the pyramid -> rows of W+: strided convolutions to 4 x 4, then a dense layer."""

    def __init__(self, channels: int, side: int, rows: int, w_dim: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        while side > 4:
            layers += [
                nn.Conv2d(channels, channels, 3, stride=2, padding=1),
                _normalised(channels),
                nn.LeakyReLU(0.2),
            ]
            side //= 2
        layers += [nn.Conv2d(channels, _HEAD, 1), nn.LeakyReLU(0.2), nn.Flatten()]
        self.features = nn.Sequential(*layers)
        self.dense = nn.Linear(_HEAD * side * side, rows * w_dim)
        nn.init.normal_(self.dense.weight, std=0.3 * (_HEAD * side * side) ** -0.5)
        nn.init.zeros_(self.dense.bias)
        self.shape = (rows, w_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(self.features(x)).unflatten(1, self.shape)


class PyramidEncoder(nn.Module):
    """``[B, 3, N, N]``, black -1 and white 1 -> W+ ``[B, num_ws, w_dim]``.

    resolution: N, 32 to 1024. channels: of the trunk at N, N/2, ... down to 8 pixels; the last
    three are the pyramid. widest: most channels of all, a multiple of 8.
    w_avg: ``[w_dim]``, the mean that rows are distances from.
    """

    def __init__(
        self,
        num_ws: int,
        w_dim: int,
        resolution: int,
        channels: tuple[int, ...] | None = None,
        widest: int = 256,
    ) -> None:
        super().__init__()
        self.num_ws, self.w_dim = num_ws, w_dim
        trunk = channels or _CHANNELS[-(resolution // 8).bit_length() :]
        channels, pyramid = tuple(min(c, widest) for c in trunk), min(_PYRAMID, widest)
        if resolution >> (len(channels) - 1) != 8:
            raise ValueError(
                f"{len(channels)} levels for {resolution} pixels, expected one more for each "
                "halving down to 8"
            )
        self.stem = nn.Conv2d(3, channels[0], 3, padding=1)
        self.trunk = nn.ModuleList(_Down(a, b) for a, b in itertools.pairwise(channels))
        self.lateral = nn.ModuleList(nn.Conv2d(c, pyramid, 1) for c in channels[-3:])
        counts = (COARSE_ROWS, MIDDLE_ROWS, num_ws - COARSE_ROWS - MIDDLE_ROWS)
        self.heads = nn.ModuleList(
            _Rows(pyramid, side, rows, w_dim)
            for side, rows in zip((8, 16, 32), counts, strict=True)
        )
        self.w_avg: Tensor
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def maps(self, picture: Tensor) -> list[Tensor]:
        """Features of the trunk from fine to coarse, ``[B, C, H, W]`` each."""
        x = functional.leaky_relu(self.stem(picture), 0.2)
        found = [x]
        for block in self.trunk:
            x = block(x)
            found.append(x)
        return found

    def forward(self, picture: Tensor) -> Tensor:
        """The pivot of each picture."""
        fine, middle, coarse = self.maps(picture)[-3:]
        p3 = self.lateral[2](coarse)
        p2 = self.lateral[1](middle) + functional.interpolate(p3, scale_factor=2.0)
        p1 = self.lateral[0](fine) + functional.interpolate(p2, scale_factor=2.0)
        rows = [head(p) for head, p in zip(self.heads, (p3, p2, p1), strict=True)]
        return self.w_avg + torch.cat(rows, 1)
