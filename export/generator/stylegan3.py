"""StyleGAN3: the alias-free synthesis network, in its configurations t and r, at any size.

Karras et al., "Alias-Free Generative Adversarial Networks" (NeurIPS 2021): Fourier features that a
latent moves (section 3.2), layers whose cutoffs rise geometrically (appendix C.1), each a modulated
convolution and a filtered leaky ReLU. t is equivariant to translation, r to rotation as well (1x1
convolutions, radial filters). Tensors are called what NVIDIA's files call them. The mapping network
is StyleGAN2's, of two layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from export.generator.alias_free import Resampling, filter_down, filter_up, low_pass
from export.generator.modulation import FullyConnected, ModulatedConv
from export.generator.stylegan2 import Mapping

__all__ = ["FourierInput", "Generator", "Stage", "StyleGAN3Config", "Synthesis", "SynthesisLayer"]

_FIRST_CUTOFF, _FIRST_STOPBAND = 2.0, 2**2.1
_LAST_STOPBAND = 2**0.3  # of the last cutoff
_MARGIN = 10  # samples around the image, so that its border is not one
_TAPS = 6  # of a filter, a factor of resampling
_RAISED = 2  # the rate of a nonlinearity over that of its layer
_OUTPUT_SCALE = 0.25
_CLAMP = 256.0


@dataclass(frozen=True)
class Stage:
    """What comes out of a layer. rate, cutoff, half_width: sampling rate and filter, in samples a
    side of the image. size: samples a side, the margin included."""

    channels: int
    size: int
    rate: float
    cutoff: float
    half_width: float


@dataclass(frozen=True)
class StyleGAN3Config:
    """rotation: configuration r instead of t; its published models have twice the channels.
    num_layers: of the mapping network. synthesis_layers: without the last, which gives RGB."""

    resolution: int
    rotation: bool = False
    z_dim: int = 512
    w_dim: int = 512
    num_layers: int = 2
    channel_base: int = 32768
    channel_max: int = 512
    synthesis_layers: int = 14
    critical: int = 2

    @property
    def num_ws(self) -> int:
        """Rows of W+: the Fourier features', one for each layer and the last one's."""
        return self.synthesis_layers + 2

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """Every layer's, from the coarsest to RGB."""
        n, last_cutoff = self.synthesis_layers, self.resolution / 2
        rise = np.minimum(np.arange(n + 1) / (n - self.critical), 1)
        cutoffs = _FIRST_CUTOFF * (last_cutoff / _FIRST_CUTOFF) ** rise
        last_stopband = last_cutoff * _LAST_STOPBAND
        stopbands = _FIRST_STOPBAND * (last_stopband / _FIRST_STOPBAND) ** rise
        rates = np.exp2(np.ceil(np.log2(np.minimum(2 * stopbands, self.resolution))))
        half_widths = np.maximum(stopbands, rates / 2) - cutoffs
        sizes = rates + 2 * _MARGIN
        sizes[-2:] = self.resolution
        channels = np.rint(np.minimum(self.channel_base / 2 / cutoffs, self.channel_max))
        channels[-1] = 3
        columns = (channels, sizes, rates, cutoffs, half_widths)
        return tuple(
            Stage(int(c), int(s), float(r), float(f), float(h))
            for c, s, r, f, h in zip(*columns, strict=True)
        )


class FourierInput(nn.Module):
    """Fourier features on a grid that w rotates and shifts, and a trainable matrix behind them.

    transform: ``[3, 3]``, moves the image by hand.
    """

    def __init__(self, w_dim: int, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        c = stage.channels
        # Frequencies fill a disc evenly.
        freqs = torch.randn(c, 2)
        radius = freqs.square().sum(1, keepdim=True).sqrt()
        freqs = freqs / (radius * radius.square().exp().pow(0.25)) * stage.cutoff
        self.freqs: Tensor
        self.phases: Tensor
        self.transform: Tensor
        self.register_buffer("freqs", freqs)
        self.register_buffer("phases", torch.rand(c) - 0.5)
        self.register_buffer("transform", torch.eye(3))
        self.weight = nn.Parameter(torch.randn(c, c))
        self.affine = FullyConnected(w_dim, 4)
        with torch.no_grad():
            self.affine.weight.zero_()
            self.affine.bias.copy_(torch.tensor([1.0, 0, 0, 0]))

    def forward(self, w: Tensor) -> Tensor:
        """w ``[B, w_dim]`` -> ``[B, C, size, size]``."""
        stage = self.stage
        pose = self.affine(w)
        cos, sin, x, y = (pose / pose[:, :2].norm(dim=1, keepdim=True)).unbind(1)
        zero, one = torch.zeros_like(x), torch.ones_like(x)
        rotate = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], 1)
        shift = torch.stack([one, zero, -x, zero, one, -y, zero, zero, one], 1)
        # First by the learned shift, then by the rotation, and before both by the user.
        move = rotate.view(-1, 3, 3) @ shift.view(-1, 3, 3) @ self.transform

        phases = self.phases + (self.freqs @ move[:, :2, 2:]).squeeze(2)  # [B, C]
        freqs = self.freqs @ move[:, :2, :2]  # [B, C, 2]
        # What a sampling of this rate can not show is faded out.
        beyond = (freqs.norm(dim=2) - stage.cutoff) / (stage.rate / 2 - stage.cutoff)
        amplitudes = (1 - beyond).clamp(0, 1)

        axis = (torch.arange(stage.size, device=w.device, dtype=w.dtype) + 0.5) / stage.size - 0.5
        axis = axis * (stage.size / stage.rate)
        across = freqs[:, :, 0, None] * axis  # [B, C, size]
        down = freqs[:, :, 1, None] * axis
        angle = across[:, :, None, :] + down[:, :, :, None] + phases[:, :, None, None]
        waves = torch.sin(2 * torch.pi * angle) * amplitudes[:, :, None, None]
        matrix = self.weight * len(self.weight) ** -0.5
        return functional.conv2d(waves, matrix[:, :, None, None])


class SynthesisLayer(ModulatedConv):
    """Modulated convolution and filtered leaky ReLU (figure 4b); the last layer has neither filter
    nor nonlinearity.

    magnitude_ema: the mean square of its input in training, which it is divided by.
    """

    def __init__(
        self,
        w_dim: int,
        before: Stage,
        after: Stage,
        kernel: int,
        *,
        radial: bool = False,
        to_rgb: bool = False,
    ) -> None:
        kernel = 1 if to_rgb else kernel
        super().__init__(
            before.channels,
            after.channels,
            kernel,
            w_dim,
            demodulate=not to_rgb,
            padding=kernel - 1,
        )
        self.to_rgb = to_rgb
        self.bias = nn.Parameter(torch.zeros(after.channels))
        self.magnitude_ema: Tensor
        self.register_buffer("magnitude_ema", torch.ones([]))
        if to_rgb:
            return
        rate = _RAISED * max(before.rate, after.rate)
        up, down = round(rate / before.rate), round(rate / after.rate)
        up_taps, down_taps = _TAPS * up, _TAPS * down
        # Zeros that make the sizes meet: what is wanted less what the steps give, halved.
        total = (after.size - 1) * down + 1 - (before.size + kernel - 1) * up
        total += up_taps + down_taps - 2
        low = (total + up) // 2
        self.plan = Resampling(up, down, low, total - low)
        self.up_filter: Tensor
        self.down_filter: Tensor
        raising = low_pass(up_taps, before.cutoff, before.half_width, rate)
        lowering = low_pass(down_taps, after.cutoff, after.half_width, rate, radial)
        self.register_buffer("up_filter", torch.from_numpy(raising).float())
        self.register_buffer("down_filter", torch.from_numpy(lowering).float())

    def forward(self, x: Tensor, w: Tensor, reference: bool = False) -> Tensor:
        """x ``[B, c_in, H, W]``, w ``[B, w_dim]`` -> ``[B, c_out, H', W']``."""
        x = x * self.magnitude_ema.rsqrt()
        y = self.reference(x, w) if reference else super().forward(x, w)
        y = y + self.bias[:, None, None]
        if self.to_rgb:
            return y.clamp(-_CLAMP, _CLAMP)
        y = filter_up(y, self.up_filter, self.plan)
        y = (functional.leaky_relu(y, 0.2) * 2**0.5).clamp(-_CLAMP, _CLAMP)
        return filter_down(y, self.down_filter, self.plan.down)


class Synthesis(nn.Module):
    """W+ -> image."""

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__()
        self.config = config
        stages = config.stages
        self.input = FourierInput(config.w_dim, stages[0])
        self.layer_names = []
        for k, (before, after) in enumerate(zip((stages[0], *stages), stages, strict=False)):
            critical = k >= config.synthesis_layers - config.critical
            layer = SynthesisLayer(
                config.w_dim,
                before,
                after,
                kernel=1 if config.rotation else 3,
                radial=config.rotation and not critical,
                to_rgb=k == config.synthesis_layers,
            )
            self.layer_names.append(f"L{k}_{after.size}_{after.channels}")
            self.add_module(self.layer_names[-1], layer)

    @property
    def num_ws(self) -> int:
        """Rows of W+."""
        return self.config.num_ws

    def forward(self, ws: Tensor, reference: bool = False) -> Tensor:
        """ws ``[B, num_ws, w_dim]`` -> ``[B, 3, resolution, resolution]``, black -1 and white 1."""
        rows = ws.unbind(1)
        x = self.input(rows[0])
        for name, row in zip(self.layer_names, rows[1:], strict=True):
            x = self.get_submodule(name)(x, row, reference)
        return x * _OUTPUT_SCALE

    def freeze(self) -> Synthesis:
        """Make all weights the constants that they act as, for export and for speed. In place."""
        for module in self.modules():
            if isinstance(module, ModulatedConv):
                module.freeze()
        return self.requires_grad_(False)


class Generator(nn.Module):
    """z -> image; ``mapping`` and ``synthesis`` are used apart as well."""

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__()
        self.config = config
        self.mapping = Mapping(config.z_dim, config.w_dim, config.num_layers)
        self.synthesis = Synthesis(config)

    def forward(self, z: Tensor, truncation_psi: float = 1.0) -> Tensor:
        """z ``[B, z_dim]`` -> ``[B, 3, resolution, resolution]``, black -1 and white 1."""
        return self.synthesis(self.mapping.broadcast(z, self.synthesis.num_ws, truncation_psi))
