"""The displacement decoder D: motion and identity -> a displacement of the latent.

Alghamdi et al., "Talking Head from Speech Audio using a Pre-trained Image Generator" (ACM MM 2022):
dense layers on the motion and the pivot reduced by V; their output, a point in the reduced basis,
is expanded by V^-1. Here V and its inverse are learned with the prior instead of taken from a PCA.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.motion import ARKIT

__all__ = ["DisplacementDecoder"]


class DisplacementDecoder(nn.Module):
    """``dw = V^-1 D([m, V w_I])``, exactly zero at rest."""

    def __init__(self, num_ws: int, w_dim: int, reduced: int = 64, hidden: int = 192) -> None:
        super().__init__()
        self.num_ws, self.w_dim = num_ws, w_dim
        self.reduce = nn.Linear(num_ws * w_dim, reduced)  # V
        self.dense = nn.ModuleList(
            [
                nn.Linear(len(ARKIT) + reduced, hidden),
                nn.Linear(hidden, hidden),
                nn.Linear(hidden, reduced),
            ]
        )
        self.expand = nn.Linear(reduced, num_ws * w_dim, bias=False)  # V^-1
        nn.init.normal_(self.expand.weight, std=0.5 * reduced**-0.5)

    @staticmethod
    def in_basis(codes: Tensor, pivot: Tensor, most: int = 32) -> DisplacementDecoder:
        """A decoder whose V are the principal components of displacements, as published.

        codes: ``[N, num_ws, w_dim]``, displacements from the pivot ``[1, num_ws, w_dim]``. V and
        its inverse read and write in standard deviations, and do not learn.
        """
        _, num_ws, w_dim = codes.shape
        _, sizes, rows = torch.linalg.svd(codes.flatten(1), full_matrices=False)
        count = max(1, min(most, int((sizes > 1e-4 * sizes[0]).sum())))
        rows, spread = rows[:count], sizes[:count] / len(codes) ** 0.5
        decoder = DisplacementDecoder(num_ws, w_dim, reduced=count)
        with torch.no_grad():
            decoder.reduce.weight.copy_(rows)
            decoder.reduce.bias.copy_(-(rows @ pivot.flatten()))
            decoder.expand.weight.copy_((rows * spread[:, None]).T)
        decoder.reduce.requires_grad_(False)
        decoder.expand.requires_grad_(False)
        return decoder

    def _decode(self, face: Tensor, pivot: Tensor) -> Tensor:
        x = torch.cat([face * 2, pivot], 1)
        for layer in self.dense[:-1]:
            x = functional.leaky_relu(layer(x), 0.2)
        return self.dense[-1](x)

    def forward(self, face: Tensor, w: Tensor) -> Tensor:
        """face ``[B, 52]``, pivot w ``[B, num_ws, w_dim]`` -> displacement, shaped like w."""
        moved = self.reduced(face, self.reduce(w.flatten(1)))
        return self.expand(moved).unflatten(1, (self.num_ws, self.w_dim))

    def reduced(self, face: Tensor, pivot: Tensor) -> Tensor:
        """The displacement in the basis ``[B, K]``; pivot ``[B, K]`` reduced by V."""
        return self._decode(face, pivot) - self._decode(torch.zeros_like(face), pivot)
