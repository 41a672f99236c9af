"""How near a drawn crop is to the real one, and what else the generator is trained on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Losses", "attention", "gradients", "reconstruction"]

_SCALES = 4


@dataclass(frozen=True)
class Losses:
    """Weights. pixels: of absolute differences at four scales. edges: of differences of
    neighbours. adversary, random: of the loss of reconstructions and of random faces. mean, rows:
    of the squared distance of W+ from the mean w, and of its rows from each other.
    mouth: see :func:`attention`."""

    pixels: float = 30.0
    edges: float = 15.0
    adversary: float = 0.3
    random: float = 0.3
    mean: float = 0.02
    rows: float = 0.02
    mouth: float = 2.5


def attention(size: int, mouth: float = 2.5) -> Tensor:
    """``[1, 1, size, size]``, mean 1: the mouth of the protocol's crop counts most.

    mouth: how much more than the rest of the face, before all is brought to mean 1.
    """
    axis = (torch.arange(size) + 0.5) / size
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    face = torch.exp(-(((x - 0.5) / 0.36) ** 4 + ((y - 0.55) / 0.42) ** 4))
    lips = torch.exp(-(((x - 0.5) / 0.17) ** 2 + ((y - 0.70) / 0.13) ** 2))
    weight = 0.4 + 0.6 * face + mouth * lips
    return (weight / weight.mean())[None, None]


def gradients(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of neighbours down and across."""
    return picture[..., 1:, :] - picture[..., :-1, :], picture[..., 1:] - picture[..., :-1]


def reconstruction(drawn: Tensor, real: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted absolute differences at several scales, and of neighbouring pixels."""
    difference, at = drawn - real, weight
    pixels = (difference.abs() * at).mean()
    for _ in range(_SCALES - 1):
        difference, at = functional.avg_pool2d(difference, 2), functional.avg_pool2d(at, 2)
        pixels = pixels + (difference.abs() * at).mean()
    down, across = gradients(drawn - real)
    edges = (down.abs() * weight[..., 1:, :]).mean() + (across.abs() * weight[..., 1:]).mean()
    return pixels / _SCALES, edges / 2
