"""Stage 2 as published: pivotal tuning of a generator of images to one person.

Roich et al., "Pivotal Tuning for Latent-based Editing of Real Images" (ACM TOG 2022): the pivots,
codes of one image or of the frames of a short video, stay where the inversion put them; the
generator alone moves until it draws those images there (section 3.2). Locality regularisation
(section 3.3) holds the neighbourhood: at a distance ``alpha`` from a pivot towards a random w, what
is drawn stays what it was. Any network from W+ to RGB can be tuned.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["G", "PivotalPlan", "neighbours", "pivotal_tuning"]

G = TypeVar("G", bound=nn.Module)


@dataclass(frozen=True)
class PivotalPlan:
    """steps: of ``batch`` images. rate: of Adam.

    perceptual, squared: weights of the distance of phi and of squared differences. locality: of the
    regularisation, at ``alpha`` from a pivot, every ``locality_every`` steps. The paper's values.
    """

    steps: int = 350
    batch: int = 4
    rate: float = 3e-4
    perceptual: float = 1.0
    squared: float = 1.0
    locality: float = 0.1
    alpha: float = 30.0
    locality_every: int = 1


def pivotal_tuning(
    synthesis: G,
    pivots: Tensor,
    pictures: Tensor,
    phi: Callable[[Tensor], Tensor],
    random_w: Callable[[int], Tensor],
    plan: PivotalPlan,
    progress: Callable[[float], None] = lambda share: None,
) -> G:
    """A tuned copy of ``synthesis``, W+ -> ``[B, 3, N, N]``.

    pivots: ``[K, num_ws, w_dim]``. pictures: ``[K, 3, N, N]``, black -1 and white 1.
    phi: pictures to feature vectors ``[B, n]``. random_w: that many w of the mapping network,
    ``[B, w_dim]``, or codes of other people, ``[B, num_ws, w_dim]``.
    """
    tuned = copy.deepcopy(synthesis).requires_grad_(True)
    synthesis.requires_grad_(False)
    optimiser = torch.optim.Adam(tuned.parameters(), plan.rate)
    count = len(pivots)
    rng = torch.Generator().manual_seed(0)
    for step in range(plan.steps):
        chosen = torch.randperm(count, generator=rng)[: min(plan.batch, count)].to(pivots.device)
        loss = _distance(tuned(pivots[chosen]), pictures[chosen], phi, plan)
        if plan.locality and step % plan.locality_every == 0:
            near = neighbours(pivots[chosen[:1]], random_w(1), plan.alpha)
            with torch.no_grad():
                kept = synthesis(near)
            loss = loss + plan.locality * _distance(tuned(near), kept, phi, plan)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        progress((step + 1) / plan.steps)
    return tuned.requires_grad_(False).eval()


def neighbours(pivots: Tensor, w: Tensor, alpha: float) -> Tensor:
    """``w_p + alpha (w - w_p) / |w - w_p|`` for pivots ``[B, num_ws, w_dim]``, w ``[B, w_dim]`` or
    like the pivots."""
    way = (w if w.dim() == pivots.dim() else w[:, None]) - pivots
    return pivots + alpha * way / way.flatten(1).norm(dim=1)[:, None, None].clamp_min(1e-8)


def _distance(
    drawn: Tensor, wanted: Tensor, phi: Callable[[Tensor], Tensor], plan: PivotalPlan
) -> Tensor:
    with torch.no_grad():
        target = phi(wanted)
    perceptual = (phi(drawn) - target).square().sum(1).mean()
    return plan.perceptual * perceptual + plan.squared * functional.mse_loss(drawn, wanted)
