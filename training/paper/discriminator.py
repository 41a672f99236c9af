"""The discriminator of StyleGAN2, and the augmentation that a small data set needs.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR 2020), figure 7c:
residual blocks, minibatch standard deviation before the last convolution. Zhao et al.,
"Differentiable Augmentation for Data-Efficient GAN Training" (NeurIPS 2020): it sees real and drawn
pictures through the same random colours and shifts.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Discriminator", "augmented", "r1_penalty"]

_GROUP = 4  # pictures whose spread is taken together
_SHIFT = 0.125  # of the side


class _Conv(nn.Module):
    """A convolution with equalised learning rate and a leaky ReLU."""

    def __init__(self, c_in: int, c_out: int, kernel: int, activate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(c_out)) if activate else None
        self.gain = (c_in * kernel * kernel) ** -0.5

    def forward(self, x: Tensor) -> Tensor:
        y = functional.conv2d(
            x, self.weight * self.gain, self.bias, padding=self.weight.shape[-1] // 2
        )
        return y if self.bias is None else functional.leaky_relu(y, 0.2) * 2**0.5


class _Block(nn.Module):
    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv0, self.conv1 = _Conv(c_in, c_in, 3), _Conv(c_in, c_out, 3)
        self.skip = _Conv(c_in, c_out, 1, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.avg_pool2d(self.conv1(self.conv0(x)), 2)
        return (y + self.skip(functional.avg_pool2d(x, 2))) * 0.5**0.5


class Discriminator(nn.Module):
    """``[B, 3, N, N]`` -> logits ``[B]``. channels: at 4, 8, ... N pixels, as the generator's."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        falling = channels[::-1]
        self.stem = _Conv(3, falling[0], 1)
        self.blocks = nn.ModuleList(_Block(a, b) for a, b in itertools.pairwise(falling))
        self.last = _Conv(channels[0] + 1, channels[0], 3)
        self.dense = nn.Sequential(
            nn.Flatten(), nn.Linear(channels[0] * 16, channels[0]), nn.LeakyReLU(0.2)
        )
        self.logit = nn.Linear(channels[0], 1)

    def features(self, picture: Tensor) -> Tensor:
        """What the last layer decides by, ``[B, channels[0]]``, each picture for itself."""
        x = self._trunk(picture)
        alone = torch.cat([x, torch.zeros_like(x[:, :1])], 1)
        return self.dense(self.last(alone))

    def forward(self, picture: Tensor) -> Tensor:
        x = self._trunk(picture)
        return self.logit(self.dense(self.last(torch.cat([x, _spread(x)], 1))))[:, 0]

    def _trunk(self, picture: Tensor) -> Tensor:
        x = self.stem(picture)
        for block in self.blocks:
            x = block(x)
        return x


def _spread(x: Tensor) -> Tensor:
    """Minibatch standard deviation ``[B, 1, H, W]`` (Karras et al., ICLR 2018)."""
    batch, _, height, width = x.shape
    group = min(_GROUP, batch)
    grouped = x[: batch // group * group].reshape(group, -1, *x.shape[1:]).float()
    mean = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    each = mean.repeat(-(-batch // len(mean)))[:batch]
    return each.to(x.dtype)[:, None, None, None].expand(-1, 1, height, width)


def augmented(picture: Tensor) -> Tensor:
    """Random brightness, saturation, contrast and shift of each of ``[B, 3, N, N]``."""
    batch, _, side, _ = picture.shape

    def amount(low: float, high: float) -> Tensor:
        return torch.empty(batch, 1, 1, 1, device=picture.device).uniform_(low, high)

    x = picture + amount(-0.3, 0.3)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * amount(0.4, 1.6)
    middle = x.mean((1, 2, 3), keepdim=True)
    x = middle + (x - middle) * amount(0.7, 1.3)
    shift = (amount(-_SHIFT, _SHIFT), amount(-_SHIFT, _SHIFT))
    theta = torch.eye(2, 3, device=x.device).repeat(batch, 1, 1)
    theta[:, :, 2] = 2 * torch.cat([s[:, :, 0, 0] for s in shift], 1).mul(side).round().div(side)
    grid = functional.affine_grid(theta, [batch, 3, side, side], align_corners=False)
    return functional.grid_sample(x, grid, mode="nearest", align_corners=False)


def r1_penalty(discriminator: Discriminator, real: Tensor) -> Tensor:
    """Half the mean squared gradient at real pictures (Mescheder et al., ICML 2018)."""
    real = real.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
    return 0.5 * slope.square().sum((1, 2, 3)).mean()
