"""Stage 2 on a video: pivotal tuning of G, D and the teeth to real frames of one person.

Roich et al., "Pivotal Tuning for Latent-based Editing of Real Images" (ACM TOG 2022), with several
images: the pivot stays, the generator moves. Half of each batch are real frames, which say what
this face looks like in the motions that it was seen in; the other half are the puppet's, which keep
all other motions where they were (the paper's locality regularisation, with a teacher in place of
the untuned generator).
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine.teeth import Teeth
from export.generator.prior import FaceGenerator, LitePrior, relative
from export.losses import attention, fields_loss
from export.tune import Plan, Progress
from export.video_layers import CanvasCompositor, TeethLayers

__all__ = ["VIDEO_PLAN", "RealFrames", "picture_loss", "tune_on_video"]

VIDEO_PLAN = Plan(frames=300, steps=700, batch=8)
_PICTURE = 20.0  # weight of the picture against the fields
_GEOMETRY = 0.5  # of the tracked landmarks' fields
_TEETH_STAY = 0.3
_TEETH_RATE = 20.0  # a pixel of a layer has one parameter, and few frames that show it
_ROW_RATE = 3.0  # where a row is and how far the jaw goes is asked of every frame
_SCALES = 3


@dataclass(frozen=True)
class RealFrames:
    """K frames of a video on the canvas.

    faces:    ``[K, 52]`` float32, tracked.
    pictures: ``[K, S, S, 3]`` uint8 RGB in the rest frame's pose and light.
    fields:   ``[K, 8, N, N]`` float16, the puppet's with the landmarks that were seen.
    weights:  ``[K]``, how often a frame is to be looked at.
    """

    faces: Tensor
    pictures: NDArray[np.uint8]
    fields: Tensor
    weights: NDArray[np.float64]


def tune_on_video(
    prior: LitePrior,
    photo: NDArray[np.uint8],
    mask: NDArray[np.float32],
    landmarks: NDArray[np.floating],
    puppet: tuple[Tensor, Tensor],
    real: RealFrames,
    teeth: TeethLayers,
    jaw: NDArray[np.floating],
    plan: Plan,
    progress: Progress,
) -> tuple[FaceGenerator, Teeth]:
    """The identity's generator and its own teeth.

    photo:  ``[S, S, 3]`` uint8 RGB canvas of the photo. mask: ``[S, S]``, where pictures count.
    landmarks: ``[468, 2]``, ``Puppet.rest``. puppet: faces and fields from
            :func:`export.tune.puppet_frames`. teeth: to begin with, on a canvas of S pixels.
    jaw:    ``[52, 2]``, the puppet's.
    """
    torch.manual_seed(0)
    prior = copy.deepcopy(prior)
    fine = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255
    size = prior.config.size
    coarse = functional.interpolate(fine, (size, size), mode="area")
    compositor = CanvasCompositor(fine)
    faces, fields = puppet
    rest = fields[:1].float()
    with torch.no_grad():
        w = prior.encoder(coarse, torch.tensor(landmarks, dtype=torch.float32)[None])
    network = [*prior.synthesis.parameters(), *prior.displacement.parameters()]
    optimiser = torch.optim.Adam(
        [
            {"params": network, "scale": 1.0},
            {"params": [teeth.gain, teeth.opacity], "scale": _TEETH_RATE},
            {"params": [teeth.shift, teeth.travel, teeth.tint], "scale": _ROW_RATE},
        ],
        plan.rate,
        betas=(0.9, 0.99),
    )
    prior.synthesis.to(memory_format=torch.channels_last)
    weight = attention(size)
    seen = functional.interpolate(weight, fine.shape[-2:], mode="bilinear") * torch.from_numpy(mask)
    drop = torch.tensor(jaw, dtype=torch.float32)
    share = real.weights / real.weights.sum()
    rng = np.random.default_rng(1)
    half = plan.batch // 2
    for step in range(plan.steps):
        warm = min(1.0, (step + 1) / 20)
        rate = plan.rate * warm * (0.02 + 0.98 * math.cos(math.pi / 2 * step / plan.steps))
        for group in optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        drawn = torch.from_numpy(1 + rng.permutation(len(faces) - 1)[:half])
        filmed = rng.choice(len(share), half, replace=False, p=share)
        face = torch.cat([faces[drawn], real.faces[filmed]])
        pivots = w.expand(len(face), -1, -1)
        raw = prior.synthesis(torch.cat([pivots + prior.displacement(face, pivots), w]))
        predicted = relative(raw[:-1], raw[-1:], rest)
        photos = coarse.expand(half, -1, -1, -1)
        taught, _ = fields_loss(predicted[:half], fields[drawn].float(), photos, weight)
        # Of the tracked landmarks only the geometry counts: colours are the picture's.
        shape = real.fields[filmed].float()
        moved = torch.cat([predicted[half:, :3], shape[:, 3:]], 1)
        shaped, _ = fields_loss(moved, shape, photos, weight)
        picture = compositor(predicted[half:], *teeth.placed(real.faces[filmed] @ drop))
        target = torch.from_numpy(real.pictures[filmed]).permute(0, 3, 1, 2).float() / 255
        loss = (
            taught
            + _GEOMETRY * shaped
            + _PICTURE * picture_loss(picture, target, seen)
            + _TEETH_STAY * teeth.distance()
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        progress((step + 1) / plan.steps)
    prior.synthesis.to(memory_format=torch.contiguous_format)
    prior.round_to_half()
    jaw_basis = drop * teeth.travel.detach().exp()
    return FaceGenerator(prior, w, rest, jaw_basis).eval(), teeth.teeth()


def picture_loss(picture: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted absolute difference of ``[B, 3, S, S]`` at three scales, the coarser for reach.

    Absolute, so that a hand or a highlight pulls no harder than what is wrong everywhere.
    """
    difference = picture - target
    total = (difference.abs() * weight).mean()
    for _ in range(_SCALES - 1):
        difference, weight = functional.avg_pool2d(difference, 2), functional.avg_pool2d(weight, 2)
        total = total + (difference.abs() * weight).mean()
    return total / _SCALES
