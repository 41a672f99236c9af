"""Inversion by optimisation: the point in W+ whose picture comes nearest to a given one.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR 2020), appendix D: Adam
on w and on the noise pictures, noise on w that fades out, a learning rate that rises and falls, and
a regularisation that keeps noise from carrying a picture. Here every row is free (W+: Abdal et al.,
"Image2StyleGAN", ICCV 2019), and the start may be an encoder's code instead of the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Projection", "noise_regularisation", "project"]


@dataclass(frozen=True)
class Projection:
    """steps: of Adam at ``rate``. jitter: noise on w at the start, in standard deviations of w.
    noise_weight: of the regularisation. stray: weight of the distance from the start, that keeps
    codes where the generator draws well. The paper's values but for ``stray``, which it had none
    of, and steps, of which it took 1000."""

    steps: int = 500
    rate: float = 0.1
    rise: float = 0.05
    fall: float = 0.25
    jitter: float = 0.05
    jitter_share: float = 0.75
    noise_weight: float = 1e5
    pixels: float = 1.0
    stray: float = 0.0


def project(
    synthesis: Callable[[Tensor], Tensor],
    targets: Tensor,
    start: Tensor,
    spread: float,
    phi: nn.Module,
    plan: Projection,
    progress: Callable[[float], None] = lambda share: None,
    noises: Sequence[Tensor] = (),
) -> Tensor:
    """Codes ``[B, num_ws, w_dim]`` of pictures ``[B, 3, N, N]``, black -1 and white 1.

    start: ``[B or 1, num_ws, w_dim]``. spread: standard deviation of w (``Mapping.statistics``).
    phi: pictures to feature vectors ``[B, n]``. noises: pictures ``[R, R]`` of the network, which
    are changed in place; only for a single target.
    """
    start = start.expand(len(targets), -1, -1)
    codes = start.clone().requires_grad_(True)
    for picture in noises:
        picture.normal_().requires_grad_(True)
    optimiser = torch.optim.Adam([codes, *noises], plan.rate, betas=(0.9, 0.999))
    with torch.no_grad():
        wanted = phi(targets)
    for step in range(plan.steps):
        share = step / plan.steps
        for group in optimiser.param_groups:
            group["lr"] = plan.rate * _ramps(share, plan)
        scale = spread * plan.jitter * max(0.0, 1 - share / plan.jitter_share) ** 2
        drawn = synthesis(codes + scale * torch.randn_like(codes))
        # Summed over pictures: each is inverted as if it were alone.
        loss = (phi(drawn) - wanted).square().sum()
        loss = loss + plan.pixels * functional.mse_loss(drawn, targets) * len(targets)
        loss = loss + plan.stray * ((codes - start) / spread).square().mean((1, 2)).sum()
        if noises:
            loss = loss + plan.noise_weight * noise_regularisation(noises)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            for picture in noises:
                picture.sub_(picture.mean()).mul_(picture.square().mean().add(1e-8).rsqrt())
        progress((step + 1) / plan.steps)
    for picture in noises:
        picture.requires_grad_(False)
    return codes.detach()


def noise_regularisation(noises: Sequence[Tensor]) -> Tensor:
    """How much neighbours in the noise pictures have to do with each other, at all scales."""
    total = torch.zeros((), device=noises[0].device)
    for picture in noises:
        x = picture[None, None]
        while True:
            for axis in (2, 3):
                total = total + (x * x.roll(1, axis)).mean().square()
            if x.shape[2] <= 8:
                break
            x = functional.avg_pool2d(x, 2) * 2  # of unit variance again
    return total


def _ramps(share: float, plan: Projection) -> float:
    fall = min(1.0, (1 - share) / plan.fall)
    return min(1.0, share / plan.rise if share else 0.0) * (0.5 - 0.5 * math.cos(fall * math.pi))
