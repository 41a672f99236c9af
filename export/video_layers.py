"""The compositor's picture as a differentiable function of fields and teeth, on the canvas alone.

What ``engine.compositor`` draws while the head is in its rest pose; the same steps in the same
order, in torch.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.teeth import Teeth
from export.raster import fill

__all__ = ["CanvasCompositor", "TeethLayers"]

_MARGIN = 0.15  # around a layer, of its height: how far teeth may be from where they are put
_UNSEEN = 0.3  # as in the compositor: with less light than this teeth fade from sight


class TeethLayers(nn.Module):
    """Both rows of teeth as parameters, drawn on a canvas of ``size`` pixels.

    A row may be shifted as a whole, its pixels may become brighter, darker, more or less opaque,
    and all may take another tint; but none becomes a lip, which it would if colours were free.

    matrix: ``[2, 3]``, the canvas's unit square to the pixels of the photo that ``teeth`` are in.
    """

    def __init__(self, teeth: Teeth, matrix: NDArray[np.float64], size: int) -> None:
        super().__init__()
        margin = round(_MARGIN * teeth.upper.shape[0])
        self.origin = teeth.origin - margin
        start = np.stack([teeth.upper, teeth.lower]).astype(np.float32) / 255
        start = np.pad(start, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
        # Where there is nothing yet a tooth would go on as it is beside it.
        solid = [fill(row[..., :3], (row[..., 3] > 0.5).astype(np.float32)) for row in start]
        alpha = torch.from_numpy(start[..., 3])[:, None]
        height, width = start.shape[1:3]
        self.base: Tensor
        self.start: Tensor
        self.near: Tensor
        self.register_buffer("base", torch.from_numpy(np.stack(solid)).permute(0, 3, 1, 2))
        self.register_buffer("start", alpha)
        reach = 2 * (margin // 2) + 1
        self.register_buffer(
            "near", (functional.max_pool2d(alpha, reach, 1, reach // 2) > 0.02).float()
        )
        self.gain = nn.Parameter(torch.zeros(2, 1, height, width))
        self.tint = nn.Parameter(torch.zeros(1, 3, 1, 1))
        self.opacity = nn.Parameter(torch.logit(alpha.clamp(0.02, 0.98)))
        self.shift = nn.Parameter(torch.zeros(2, 2))  # in shares of the layer
        self.travel = nn.Parameter(torch.zeros(()))  # of the jaw, logarithmic

        axis = (np.arange(size) + 0.5) / size
        unit = np.stack(np.meshgrid(axis, axis), -1)
        place = unit @ matrix[:, :2].T + matrix[:, 2] - self.origin
        side = np.array([width, height])
        self.grid: Tensor
        self.to_grid: Tensor
        self.register_buffer("grid", torch.tensor(2 * place / side - 1, dtype=torch.float32))
        # A step of the jaw, canvas widths, in the grid's units.
        self.register_buffer(
            "to_grid", torch.tensor(2 * matrix[:, :2] / side[:, None], dtype=torch.float32)
        )

    def layers(self) -> Tensor:
        """Premultiplied, not shifted: ``[2, 4, h, w]``, upper then lower."""
        rgb = (self.base * (self.gain + self.tint).exp()).clamp(0, 1)
        alpha = self.opacity.sigmoid() * self.near
        return torch.cat([rgb * alpha, alpha], 1)

    def placed(self, jaw: Tensor) -> tuple[Tensor, Tensor]:
        """Premultiplied, on the canvas: ``[B, 4, N, N]`` each. jaw: ``[B, 2]`` canvas widths."""
        drop = (jaw @ self.to_grid.T * self.travel.exp())[:, None, None]
        grid = self.grid.expand(len(jaw), -1, -1, -1)
        upper, lower = (layer.expand(len(jaw), -1, -1, -1) for layer in self.layers()[:, None])
        return (
            functional.grid_sample(upper, grid - self.shift[0], align_corners=False),
            functional.grid_sample(lower, grid - drop - self.shift[1], align_corners=False),
        )

    def distance(self) -> Tensor:
        """How far the layers are from where they began, mean square."""
        strayed = (self.opacity.sigmoid() - self.start).square().mean() + self.gain.square().mean()
        return strayed + self.shift.square().mean()

    @torch.no_grad()
    def teeth(self) -> Teeth:
        """For the bundle."""
        theta = torch.eye(2, 3).expand(2, -1, -1).clone()
        theta[:, :, 2] = -self.shift
        layers = self.layers()
        grid = functional.affine_grid(theta, list(layers.shape), align_corners=False)
        layers = functional.grid_sample(layers, grid, align_corners=False)
        rgb = layers[:, :3] / layers[:, 3:].clamp(min=1e-3)
        rgba = torch.cat([rgb.clamp(0, 1), layers[:, 3:]], 1)
        pixels = (rgba * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        return Teeth(np.ascontiguousarray(pixels[0]), np.ascontiguousarray(pixels[1]), self.origin)


class CanvasCompositor(nn.Module):
    """Photo, fields and teeth -> picture on a canvas of ``size`` pixels.

    photo: ``[1, 3, size, size]``, RGB 0 to 1.
    """

    def __init__(self, photo: Tensor) -> None:
        super().__init__()
        size = photo.shape[-1]
        theta = torch.eye(2, 3)[None]
        self.photo: Tensor
        self.base: Tensor
        self.register_buffer("photo", photo)
        self.register_buffer(
            "base", functional.affine_grid(theta, [1, 3, size, size], align_corners=False)
        )

    def forward(self, fields: Tensor, upper: Tensor, lower: Tensor) -> Tensor:
        """fields ``[B, 8, N, N]``, teeth as TeethLayers places them -> ``[B, 3, size, size]``."""
        size = self.photo.shape[-1]
        fine = functional.interpolate(fields, (size, size), mode="bilinear", align_corners=False)
        grid = self.base + 2 * fine[:, :2].permute(0, 2, 3, 1)
        photo = self.photo.expand(len(fields), -1, -1, -1)
        warped = functional.grid_sample(photo, grid, padding_mode="border", align_corners=False)
        alpha = fine[:, 2:3].clamp(0, 1)
        inside, light, tongue = fine[:, 3:6].clamp(0, 1), fine[:, 6:7].clamp(0, 1), fine[:, 7:]
        seen = (light / _UNSEEN).clamp(max=1)
        for layer, share in ((lower, seen * (1 - tongue.clamp(0, 1))), (upper, seen)):
            inside = inside * (1 - layer[:, 3:] * share) + layer[:, :3] * share * light
        return warped * (1 - alpha) + inside * alpha
