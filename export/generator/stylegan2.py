"""StyleGAN2: the mapping and the synthesis network, at any size.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR 2020): modulated
convolutions with noise (section 2.2, figure 2d) and skip heads that add up RGB (section 4, figure
7b). Tensors are called what the files of NVIDIA's PyTorch release call them, so that a state dict
of such a file loads as it is (``export.generator.checkpoints`` reads the others).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from export.generator.modulation import EPSILON, FullyConnected, ModulatedConv, upsample

__all__ = [
    "MAPPING_LR_MULTIPLIER",
    "Block",
    "Generator",
    "Mapping",
    "Noise",
    "StyleGAN2Config",
    "Synthesis",
    "SynthesisLayer",
    "ToRGB",
]

MAPPING_LR_MULTIPLIER = 0.01
_GAIN = 2**0.5  # what a leaky ReLU takes from the power of its input

Noise = Literal["const", "random", "none"]


@dataclass(frozen=True)
class StyleGAN2Config:
    """channels: of the features at 4, 8, 16, ... pixels. num_layers: of the mapping network.
    conv_clamp: greatest absolute value before the gain of a layer, as half precision wants."""

    channels: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    num_layers: int = 8
    conv_clamp: float | None = None

    @staticmethod
    def published(
        resolution: int, channel_base: int = 32768, channel_max: int = 512, **rest: int
    ) -> StyleGAN2Config:
        """Channels by the rule of the published models: ``min(channel_base / side, channel_max)``.

        Raises ValueError unless the resolution is a power of two, 4 or more.
        """
        if resolution < 4 or resolution & (resolution - 1):
            raise ValueError(f"a resolution of {resolution}, expected 4, 8, 16, ...")
        sides = [4 << k for k in range(resolution.bit_length() - 2)]
        return StyleGAN2Config(tuple(min(channel_base // r, channel_max) for r in sides), **rest)

    @property
    def resolution(self) -> int:
        """Side of the image in pixels."""
        return 4 << (len(self.channels) - 1)

    @property
    def num_ws(self) -> int:
        """Rows of W+: one for each convolution and one for the last head."""
        return 2 * len(self.channels)


class Mapping(nn.Module):
    """z -> w."""

    def __init__(self, z_dim: int, w_dim: int, num_layers: int) -> None:
        super().__init__()
        self.num_layers = num_layers
        for k in range(num_layers):
            layer = FullyConnected(
                z_dim if k == 0 else w_dim,
                w_dim,
                lr_multiplier=MAPPING_LR_MULTIPLIER,
                activate=True,
            )
            self.add_module(f"fc{k}", layer)
        self.w_avg: Tensor
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(self, z: Tensor, truncation_psi: float = 1.0) -> Tensor:
        """z ``[B, z_dim]`` -> w ``[B, w_dim]``, drawn towards the mean by the truncation trick."""
        w = z * torch.rsqrt(z.square().mean(1, keepdim=True) + EPSILON)
        for k in range(self.num_layers):
            w = self.get_submodule(f"fc{k}")(w)
        return self.w_avg.lerp(w, truncation_psi)

    def broadcast(
        self, z: Tensor, num_ws: int, truncation_psi: float = 1.0, cutoff: int | None = None
    ) -> Tensor:
        """z -> W+ codes ``[B, num_ws, w_dim]`` of equal rows, truncated in the first ``cutoff``."""
        full = self(z)[:, None].expand(-1, num_ws, -1)
        cut = num_ws if cutoff is None else cutoff
        return torch.cat([self.w_avg.lerp(full[:, :cut], truncation_psi), full[:, cut:]], 1)

    @torch.no_grad()
    def statistics(self, samples: int = 10_000, seed: int = 123) -> tuple[Tensor, float]:
        """Mean ``[w_dim]`` of w and its standard deviation around it (appendix D of the paper)."""
        rng = torch.Generator().manual_seed(seed)
        z_dim = self.get_submodule("fc0").weight.shape[1]
        z = torch.randn(samples, int(z_dim), generator=rng).to(self.w_avg)
        w = self(z)
        mean = w.mean(0)
        return mean, float((w - mean).square().sum(1).mean().sqrt())


class SynthesisLayer(ModulatedConv):
    """Modulated convolution, noise, bias and leaky ReLU: the grey box of figure 2d."""

    def __init__(
        self,
        c_in: int,
        c_out: int,
        w_dim: int,
        resolution: int,
        *,
        up: bool = False,
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__(c_in, c_out, 3, w_dim, up=up)
        self.conv_clamp = conv_clamp
        self.noise_const: Tensor
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.bias = nn.Parameter(torch.zeros(c_out))

    def forward(
        self, x: Tensor, w: Tensor, noise: Noise = "const", reference: bool = False
    ) -> Tensor:
        """x ``[B, c_in, H, W]``, w ``[B, w_dim]`` -> ``[B, c_out, resolution, resolution]``."""
        y = self.reference(x, w) if reference else super().forward(x, w)
        if noise == "const":
            y = y + self.noise_const * self.noise_strength
        elif noise == "random":
            y = y + torch.randn_like(y[:, :1]) * self.noise_strength
        y = functional.leaky_relu(y + self.bias[:, None, None], 0.2) * _GAIN
        if self.conv_clamp is not None:
            y = y.clamp(-self.conv_clamp * _GAIN, self.conv_clamp * _GAIN)
        return y


class ToRGB(ModulatedConv):
    """The head of a level: a 1x1 convolution with a style and no demodulation."""

    def __init__(self, c_in: int, w_dim: int, conv_clamp: float | None = None) -> None:
        super().__init__(c_in, 3, 1, w_dim, demodulate=False)
        self.conv_clamp = conv_clamp
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, w: Tensor, reference: bool = False) -> Tensor:
        """x ``[B, c_in, H, W]``, w ``[B, w_dim]`` -> ``[B, 3, H, W]``."""
        y = self.reference(x, w) if reference else super().forward(x, w)
        y = y + self.bias[:, None, None]
        return y if self.conv_clamp is None else y.clamp(-self.conv_clamp, self.conv_clamp)


class Block(nn.Module):
    """One level: two convolutions, the first of which doubles the size, and a head.

    The first level has the learned constant in place of its first convolution.
    """

    def __init__(
        self, c_in: int, c_out: int, w_dim: int, resolution: int, conv_clamp: float | None = None
    ) -> None:
        super().__init__()
        self.first = c_in == 0
        if self.first:
            self.const = nn.Parameter(torch.randn(c_out, resolution, resolution))
        else:
            self.conv0 = SynthesisLayer(
                c_in, c_out, w_dim, resolution, up=True, conv_clamp=conv_clamp
            )
        self.conv1 = SynthesisLayer(c_out, c_out, w_dim, resolution, conv_clamp=conv_clamp)
        self.torgb = ToRGB(c_out, w_dim, conv_clamp)

    def forward(
        self,
        x: Tensor | None,
        img: Tensor | None,
        ws: Tensor,
        noise: Noise = "const",
        reference: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """ws ``[B, 2 or 3, w_dim]``: a row for each convolution and the head's. -> x, img."""
        rows = list(ws.unbind(1))
        if x is None:
            x = self.const.expand(len(ws), -1, -1, -1)
        else:
            x = self.conv0(x, rows.pop(0), noise, reference)
        x = self.conv1(x, rows.pop(0), noise, reference)
        rgb = self.torgb(x, rows.pop(0), reference)
        return x, rgb if img is None else upsample(img) + rgb


class Synthesis(nn.Module):
    """W+ -> image."""

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.config = config
        for k, (c_in, c_out) in enumerate(
            zip((0, *config.channels), config.channels, strict=False)
        ):
            side = 4 << k
            block = Block(c_in, c_out, config.w_dim, side, config.conv_clamp)
            self.add_module(f"b{side}", block)

    @property
    def num_ws(self) -> int:
        """Rows of W+."""
        return self.config.num_ws

    def forward(self, ws: Tensor, noise: Noise = "const", reference: bool = False) -> Tensor:
        """ws ``[B, num_ws, w_dim]`` -> ``[B, 3, resolution, resolution]``, black -1 and white 1.

        noise: the stored pictures, fresh ones, or none. reference: by the slow form of the
        convolutions. The head of a level shares its row with the first convolution of the next.
        """
        x, img, row = None, None, 0
        for k in range(len(self.config.channels)):
            block = self.get_submodule(f"b{4 << k}")
            convolutions = 1 if k == 0 else 2
            x, img = block(x, img, ws[:, row : row + convolutions + 1], noise, reference)
            row += convolutions
        assert img is not None
        return img

    def freeze(self) -> Synthesis:
        """Make all weights the constants that they act as, for export and for speed. In place."""
        for module in self.modules():
            if isinstance(module, ModulatedConv):
                module.freeze()
        return self.requires_grad_(False)

    def noise_is_used(self) -> bool:
        """Whether any layer lets its noise picture through."""
        return any(bool(m.noise_strength) for m in self.modules() if isinstance(m, SynthesisLayer))

    def noises(self) -> list[Tensor]:
        """The stored noise pictures, ``[R, R]`` each, from coarse to fine."""
        return [m.noise_const for m in self.modules() if isinstance(m, SynthesisLayer)]


class Generator(nn.Module):
    """z -> image; ``mapping`` and ``synthesis`` are used apart as well."""

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.config = config
        self.mapping = Mapping(config.z_dim, config.w_dim, config.num_layers)
        self.synthesis = Synthesis(config)

    def forward(self, z: Tensor, truncation_psi: float = 1.0, noise: Noise = "const") -> Tensor:
        """z ``[B, z_dim]`` -> ``[B, 3, resolution, resolution]``, black -1 and white 1."""
        ws = self.mapping.broadcast(z, self.synthesis.num_ws, truncation_psi)
        return self.synthesis(ws, noise)
