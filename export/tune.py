"""Stage 2: tune the generator to one identity on puppet frames, its pivot fixed.

Roich et al., "Pivotal Tuning for Latent-based Editing of Real Images" (ACM TOG 2022): the pivot w_I
comes from the encoder and stays; generator and displacement decoder move. The puppet plays the part
of the video. Locality regularisation (section 3.3 there) holds the rest of the latent space:
between the pivot and other people's, what is drawn stays what the prior drew.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.generator.prior import FaceGenerator, LitePrior, relative
from export.losses import attention, fields_loss
from export.motions import sample_motions
from export.puppet import Puppet

__all__ = ["BEST", "Plan", "Progress", "puppet_frames", "tune"]

# Called with the share that is done, 0 to 1.
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Plan:
    """How much work tuning is. frames: puppet frames to learn from. steps: of ``batch`` frames."""

    frames: int
    steps: int
    batch: int = 6
    rate: float = 1.2e-3


_LOCALITY = 0.3
BEST = Plan(frames=400, steps=600)


def puppet_frames(
    puppet: Puppet, count: int, size: int, progress: Progress, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Random motions and the puppet's fields: faces ``[count + 1, 52]``, fields
    ``[count + 1, 8, N, N]``.

    The first of them is rest.
    """
    faces = sample_motions(count, np.random.default_rng(seed))
    faces = np.concatenate([np.zeros((1, faces.shape[1]), np.float32), faces])
    fields = np.empty((len(faces), 8, size, size), np.float16)
    for k, face in enumerate(faces):
        fields[k] = puppet.fields(face, size).stack()
        progress((k + 1) / len(faces))
    return torch.from_numpy(faces), torch.from_numpy(fields)


def tune(
    prior: LitePrior,
    picture: NDArray[np.uint8],
    landmarks: NDArray[np.floating],
    faces: Tensor,
    fields: Tensor,
    jaw: NDArray[np.floating],
    plan: Plan,
    progress: Progress,
) -> FaceGenerator:
    """The identity's generator.

    picture: ``[N, N, 3]`` uint8 RGB canvas of the photo. landmarks: ``[468, 2]``, ``Puppet.rest``.
    faces, fields: from :func:`puppet_frames`. jaw: ``[52, 2]``, the puppet's.
    """
    torch.manual_seed(0)
    before, prior = prior, copy.deepcopy(prior)
    photo = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    rest = fields[:1].float()
    w = prior.pivot(picture, landmarks)
    parameters = [*prior.synthesis.parameters(), *prior.displacement.parameters()]
    optimiser = torch.optim.Adam(parameters, plan.rate, betas=(0.9, 0.99))
    prior.synthesis.to(memory_format=torch.channels_last)
    weight = attention(prior.config.size)
    rng = np.random.default_rng(1)
    for step in range(plan.steps):
        for group in optimiser.param_groups:
            warm = min(1.0, (step + 1) / 20)
            group["lr"] = (
                plan.rate * warm * (0.02 + 0.98 * math.cos(math.pi / 2 * step / plan.steps))
            )
        chosen = torch.from_numpy(1 + rng.permutation(len(faces) - 1)[: plan.batch])
        near = _neighbours(w, prior.population, rng)
        other = faces[torch.from_numpy(rng.integers(1, len(faces), len(near)))]
        pivots = torch.cat([w.expand(plan.batch, -1, -1), near])
        moved = pivots + prior.displacement(torch.cat([faces[chosen], other]), pivots)
        raw = prior.synthesis(torch.cat([moved, w]))
        predicted = relative(raw[: plan.batch], raw[-1:], rest)
        photos = photo.expand(plan.batch, -1, -1, -1)
        loss, _ = fields_loss(predicted, fields[chosen].float(), photos, weight)
        with torch.no_grad():
            kept = before.synthesis(near + before.displacement(other, near))
        strayed = (raw[plan.batch : -1] - kept).abs() * weight
        loss = loss + _LOCALITY * (
            prior.config.size * strayed[:, :2].mean() + strayed[:, 2:].mean()
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        progress((step + 1) / plan.steps)
    prior.synthesis.to(memory_format=torch.contiguous_format)
    prior.round_to_half()
    return FaceGenerator(prior, w, rest, torch.tensor(jaw, dtype=torch.float32)).eval()


def _neighbours(w: Tensor, population: Tensor, rng: np.random.Generator) -> Tensor:
    """``[1, num_ws, w_dim]``: somewhere between the pivot and another person's."""
    far = population[torch.from_numpy(rng.integers(0, len(population), 1))]
    return w + float(rng.uniform(0.3, 1.0)) * (far - w)
