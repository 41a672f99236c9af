"""Filters that keep a nonlinearity from aliasing, StyleGAN3's way.

Karras et al., "Alias-Free Generative Adversarial Networks" (NeurIPS 2021), sections 3.1 and 3.2 and
appendix C: features stand for continuous signals. A leaky ReLU is applied at a raised sampling
rate, between two Kaiser low-pass filters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, kaiser_atten, kaiser_beta
from scipy.special import j1
from torch import Tensor
from torch.nn import functional

__all__ = ["Resampling", "filter_down", "filter_up", "low_pass"]


@dataclass(frozen=True)
class Resampling:
    """up, down: factors around the nonlinearity. low, high: zeros before and after the zero-stuffed
    signal; negative ones crop."""

    up: int
    down: int
    low: int
    high: int


def low_pass(
    taps: int, cutoff: float, half_width: float, rate: float, radial: bool = False
) -> NDArray[np.float64]:
    """A Kaiser-windowed low-pass, ``[taps]`` to be applied along both axes, of sum 1.

    radial: ``[taps, taps]`` that is the same in all directions, for generators that rotate (jinc in
    place of sinc). All frequencies in samples a unit of the image.
    """
    if not radial:
        return np.asarray(firwin(taps, cutoff, width=2 * half_width, fs=rate))
    axis = (np.arange(taps) - (taps - 1) / 2) / rate
    radius = np.hypot(*np.meshgrid(axis, axis))
    kernel = j1(2 * cutoff * np.pi * radius) / (np.pi * radius)  # an even count has no radius 0
    window = np.kaiser(taps, kaiser_beta(kaiser_atten(taps, 2 * half_width / (rate / 2))))
    kernel = kernel * np.outer(window, window)
    return np.asarray(kernel / kernel.sum())


def filter_up(x: Tensor, kernel: Tensor, plan: Resampling) -> Tensor:
    """``[B, C, H, W]`` at the raised rate: zero-stuffed, padded and filtered, of the same scale.

    kernel: ``[taps]``. The zeros are never made: a transposed convolution knows where they are.
    """
    taps, channels, up = len(kernel), x.shape[1], plan.up
    row = (kernel * up).expand(channels, 1, 1, taps)
    x = functional.conv_transpose2d(x, row, stride=(1, up), groups=channels)
    x = functional.conv_transpose2d(x, row.mT, stride=(up, 1), groups=channels)
    before = plan.low - (taps - 1)
    after = plan.high + (up - 1) - (taps - 1)  # every sample has its zeros behind it
    return functional.pad(x, [before, after, before, after])


def filter_down(x: Tensor, kernel: Tensor, down: int) -> Tensor:
    """``[B, C, H, W]`` filtered and every ``down``-th sample of it; kernel ``[taps]`` or square."""
    channels = x.shape[1]
    if kernel.ndim == 2:
        square = kernel.expand(channels, 1, *kernel.shape)
        return functional.conv2d(x, square, stride=down, groups=channels)
    row = kernel.expand(channels, 1, 1, len(kernel))
    x = functional.conv2d(x, row, stride=(1, down), groups=channels)
    return functional.conv2d(x, row.mT, stride=(down, 1), groups=channels)
