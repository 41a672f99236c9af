"""Modulated convolution, the layer of StyleGAN2 and StyleGAN3, in two forms that agree.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR 2020), section 2.2:
the style scales the input channels of the weights, and demodulation gives each output channel unit
power again.

The paper scales weights, so every sample of a batch has weights of its own. ``(s_i W) * x`` equals
``W * (s_i x)`` though: with the scale on the activations the weights are constants, a batch is one
ordinary convolution, and the graph exports to what every runtime is fastest at.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "EPSILON",
    "FILTER",
    "Constants",
    "FullyConnected",
    "ModulatedConv",
    "resampling_filter",
    "upsample",
]

EPSILON = 1e-8
FILTER = (1.0, 3.0, 3.0, 1.0)

Constants = tuple[Tensor, Tensor | None]


class FullyConnected(nn.Module):
    """A dense layer with equalised learning rate (Karras et al., ICLR 2018, section 4.1).

    lr_multiplier: weights and bias are stored at 1 / lr_multiplier of what they act as.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        *,
        lr_multiplier: float = 1.0,
        bias: float = 0.0,
        activate: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in) / lr_multiplier)
        self.bias = nn.Parameter(torch.full([c_out], bias))
        self.weight_gain = lr_multiplier * c_in**-0.5
        self.bias_gain = lr_multiplier
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        """x ``[B, c_in]`` -> ``[B, c_out]``."""
        y = functional.linear(x, self.weight * self.weight_gain, self.bias * self.bias_gain)
        return functional.leaky_relu(y, 0.2) * 2**0.5 if self.activate else y


class ModulatedConv(nn.Module):
    """Weights, their style's affine layer, and both forms of applying them.

    up: twice the size, by a transposed convolution and the [1, 3, 3, 1] filter; in StyleGAN3
    convolutions never do that. padding: zeros on every side.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int,
        w_dim: int,
        *,
        up: bool = False,
        demodulate: bool = True,
        padding: int | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in, kernel, kernel))
        self.affine = FullyConnected(w_dim, c_in, bias=1.0)
        # Where nothing is demodulated the gain of equalised learning rate is left to the style.
        self.style_gain = 1.0 if demodulate else (c_in * kernel * kernel) ** -0.5
        self.up = up
        self.demodulate = demodulate
        self.padding = kernel // 2 if padding is None else padding
        self.power: Tensor | None
        self.register_buffer("power", None)

    def constants(self) -> Constants:
        """Weight ``[c_out, c_in, k, k]`` and its power ``[c_out, c_in]`` (none: no demodulation).

        Output channels are brought to unit norm, which demodulation takes out again: so that
        nothing overflows in half precision, whatever the weights have grown to.
        """
        if not self.demodulate or self.power is not None:
            return self.weight, self.power
        norm = self.weight.square().sum((1, 2, 3), keepdim=True)
        weight = self.weight * torch.rsqrt(norm + EPSILON)
        return weight, weight.square().sum((2, 3))

    @torch.no_grad()
    def freeze(self) -> None:
        """Work the constants out once. The weight is no longer what a checkpoint calls by it."""
        weight, power = self.constants()
        self.weight = nn.Parameter(weight.clone(), requires_grad=False)
        self.power = power

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x ``[B, c_in, H, W]``, w ``[B, w_dim]`` -> ``[B, c_out, H', W']``: constant weights."""
        weight, power = self.constants()
        style = self.affine(w) * self.style_gain  # [B, c_in]
        # At most 1, for half precision again; put back below, where nothing else takes it out.
        scale = style.abs().amax(1, keepdim=True) + EPSILON
        style = style / scale
        y = self._convolved(x * style[:, :, None, None], weight)
        if power is None:
            return y * scale[:, :, None, None]
        return y * torch.rsqrt(style.square() @ power.T + EPSILON)[:, :, None, None]

    def reference(self, x: Tensor, w: Tensor) -> Tensor:
        """The same by the paper's equations 1 and 3: a sample at a time, weights of its own."""
        style = self.affine(w) * self.style_gain
        weight = self.weight[None] * style[:, None, :, None, None]  # [B, c_out, c_in, k, k]
        if self.demodulate:
            power = weight.square().sum((2, 3, 4), keepdim=True)
            weight = weight * torch.rsqrt(power + EPSILON)
        return torch.cat([self._convolved(x[b : b + 1], weight[b]) for b in range(len(x))])

    def _convolved(self, x: Tensor, weight: Tensor) -> Tensor:
        if not self.up:
            return functional.conv2d(x, weight, padding=self.padding)
        y = functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        kernel = resampling_filter(y)
        return functional.conv2d(y, kernel, padding=1, groups=y.shape[1])


def resampling_filter(like: Tensor) -> Tensor:
    """``[C, 1, 4, 4]``, 4 outer([1, 3, 3, 1]) / 64 for each of the C channels of ``like``."""
    # A triangle, written so that nothing is copied to the device: a CUDA graph can not hold that.
    row = 1 - (torch.arange(4, dtype=like.dtype, device=like.device) - 1.5).abs() / 2
    return torch.outer(row, row).expand(like.shape[1], 1, 4, 4)


def upsample(x: Tensor) -> Tensor:
    """``[B, C, H, W]`` -> ``[B, C, 2H, 2W]`` by the [1, 3, 3, 1] filter, zeros around."""
    kernel = resampling_filter(x)
    return functional.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])
