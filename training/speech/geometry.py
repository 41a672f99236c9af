"""Lip geometry: where 40 lip landmarks go, in units of the outer-canthus distance.

What is compared in training and evaluation is where the lips are, not which coefficients put them
there: jawOpen, mouthLowerDown, mouthShrugLower and others trade off against each other.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from export.basis import LandmarkBasis
from export.landmarks import OUTER_CANTHI
from training.speech.articulators import spread_matrix
from training.speech.lips import LEFT, LIPS, LOWER, RIGHT, UPPER

__all__ = ["LipGeometry", "correlation", "gap", "width"]


class LipGeometry(nn.Module):
    """Coefficients to lip displacements, through the landmark basis; linear, nothing to train."""

    shapes: Tensor

    def __init__(self) -> None:
        super().__init__()
        basis = LandmarkBasis.load()
        shapes = np.einsum("ac,cln->aln", spread_matrix(), basis.expression[:, list(LIPS), :2])
        self.register_buffer("shapes", torch.from_numpy(shapes / _canthus_distance(basis)))

    def forward(self, coefficients: Tensor) -> Tensor:
        """``articulate``'s ``[..., 16]`` -> displacement from rest ``[..., 40, 2]``, y up."""
        return torch.einsum("...a,aln->...ln", coefficients, self.shapes)


def gap(displacement: Tensor) -> Tensor:
    """Change of the inner lip gap 13-14 against rest, ``[..., 40, 2]`` -> ``[...]``; signed."""
    return displacement[..., UPPER, 1] - displacement[..., LOWER, 1]


def width(displacement: Tensor) -> Tensor:
    """Change of the mouth width 61-291 against rest, ``[..., 40, 2]`` -> ``[...]``; signed."""
    return displacement[..., LEFT, 0] - displacement[..., RIGHT, 0]


def correlation(a: Tensor, b: Tensor, weight: Tensor | None = None) -> Tensor:
    """Pearson's r along the last axis, ``[..., T]`` -> ``[...]``; 0 where one does not move."""
    w = torch.ones_like(a) if weight is None else weight
    total = w.sum(dim=-1, keepdim=True).clamp(min=1e-6)
    x = a - (w * a).sum(dim=-1, keepdim=True) / total
    y = b - (w * b).sum(dim=-1, keepdim=True) / total
    spread = (w * x**2).sum(dim=-1) * (w * y**2).sum(dim=-1)
    return (w * x * y).sum(dim=-1) / (spread + 1e-10).sqrt()


def _canthus_distance(basis: LandmarkBasis) -> np.float32:
    a, b = basis.neutral[list(OUTER_CANTHI), :2]
    return np.float32(np.linalg.norm(a - b))
