"""Stage 1 for one person: from motion to displacements in the latent space of a frozen generator.

Alghamdi et al., "Talking Head from Speech Audio using a Pre-trained Image Generator" (ACM MM 2022):
``w_t = w_I + V^-1 D([m_t, V w_I])``, V by principal components, D dense layers, and the losses
L_latent between codes and L_lpips between pictures. Here the puppet's frames stand for the video,
and motion for the sound.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from export.displacement import DisplacementDecoder

__all__ = ["fit_displacement"]

_LATENT_STEPS = 400


def fit_displacement(
    synthesis: Callable[[Tensor], Tensor],
    pivot: Tensor,
    faces: Tensor,
    pictures: Callable[[Tensor], Tensor],
    codes: Tensor,
    phi: nn.Module,
    *,
    steps: int,
    batch: int = 4,
    rate: float = 2e-3,
    progress: Callable[[float], None] = lambda share: None,
) -> DisplacementDecoder:
    """D, first on codes alone, then on pictures as well.

    pivot: ``[1, num_ws, w_dim]``. faces: ``[K, 52]``. pictures: numbers ``[B]`` of frames to
    ``[B, 3, N, N]``, black -1 and white 1. codes: displacements ``[n, num_ws, w_dim]`` of the first
    n frames. phi: pictures to feature vectors. steps: with pictures, ``batch`` of them each.
    """
    decoder = DisplacementDecoder.in_basis(codes, pivot).to(pivot.device)
    count, latent = len(codes), codes.square().sum((1, 2)).mean().sqrt()
    learning = [p for p in decoder.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(learning, rate)
    rng = torch.Generator().manual_seed(0)
    for step in range(_LATENT_STEPS + steps):
        with_pictures = step >= _LATENT_STEPS
        done = max(0, step - _LATENT_STEPS) / max(steps, 1)
        for group in optimiser.param_groups:
            group["lr"] = rate * (1 - 0.9 * done)
        moved = decoder(faces[:count], pivot.expand(count, -1, -1))
        # Lengths, not squares: a code that can not be reached does not outweigh all others.
        loss = (moved - codes).flatten(1).norm(dim=1).mean() / latent
        if with_pictures:
            chosen = torch.randperm(len(faces), generator=rng)[:batch].to(faces.device)
            some = pivot.expand(len(chosen), -1, -1)
            drawn, wanted = synthesis(some + decoder(faces[chosen], some)), pictures(chosen)
            with torch.no_grad():
                target = phi(wanted)
            seen = (phi(drawn) - target).square().sum(1).mean() + functional.mse_loss(drawn, wanted)
            loss = 0.1 * loss + seen
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if with_pictures:
            progress((step + 1 - _LATENT_STEPS) / steps)
    return decoder.requires_grad_(False).eval()
