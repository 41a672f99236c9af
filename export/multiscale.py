"""phi without a file: fixed features at several scales, for comparing pictures of faces.

Perceptual distances usually are those of VGG's features (Zhang et al., CVPR 2018), whose weights
are not free to ship. These stand in where the user has no file of them: contrast and the strength
of edges in four directions, each over the local mean of its kind, at five scales. They forgive
brightness and small shifts as learned features do, but know nothing of faces.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Focused", "MultiScaleFeatures"]

_SCALES = 5
_LEAST = 8  # pixels a side of the coarsest map
# Derivatives along x, y and both diagonals.
_EDGES = torch.tensor(
    [
        [[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]],
        [[-1.0, -2, -1], [0, 0, 0], [1, 2, 1]],
        [[-2.0, -1, 0], [-1, 0, 1], [0, 1, 2]],
        [[0.0, -1, -2], [1, 0, -1], [2, 1, 0]],
    ]
)  # fmt: skip


class MultiScaleFeatures(nn.Module):
    """``[B, 3, N, N]`` in -1 to 1 -> ``[B, n]``; every scale weighs the same."""

    name = "fixed multi-scale features (no VGG file was given)"

    def __init__(self) -> None:
        super().__init__()
        self.edges: Tensor
        self.register_buffer("edges", (_EDGES / 8).repeat(3, 1, 1)[:, None], persistent=False)

    def forward(self, picture: Tensor) -> Tensor:
        """phi."""
        found = []
        for _ in range(_SCALES):
            edges = functional.conv2d(functional.pad(picture, [1] * 4, "replicate"), self.edges,
                                      groups=3)  # fmt: skip
            local = functional.avg_pool2d(edges.square().mean(1, keepdim=True), 5, 1, 2)
            contrast = picture - functional.avg_pool2d(picture, 5, 1, 2, count_include_pad=False)
            maps = torch.cat([picture, 2 * contrast, edges * torch.rsqrt(local + 1e-3)], 1)
            found.append(maps.flatten(1) / maps[0].numel() ** 0.5)
            if min(picture.shape[-2:]) // 2 < _LEAST:
                break
            picture = functional.avg_pool2d(picture, 2)
        return torch.cat(found, 1) / len(found) ** 0.5


class Focused(nn.Module):
    """phi of the whole picture and of parts of it, which weigh as much: the mouth is small.

    boxes: rows and columns of each part.
    """

    def __init__(self, phi: nn.Module, boxes: tuple[tuple[slice, slice], ...]) -> None:
        super().__init__()
        self.phi, self.boxes = phi, boxes

    def forward(self, picture: Tensor) -> Tensor:
        """``[B, 3, N, N]`` in -1 to 1 -> ``[B, n]``."""
        parts = [picture, *(picture[:, :, rows, columns] for rows, columns in self.boxes)]
        return torch.cat([self.phi(part) for part in parts], 1)
