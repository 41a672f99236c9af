"""What a generator is taught by: the puppet's own fields, and the picture that they make."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from export.align import CANVAS_EYES

__all__ = ["attention", "composite", "fields_loss"]


def composite(photo: Tensor, fields: Tensor) -> Tensor:
    """Photo ``[B, 3, N, N]`` (RGB 0 to 1) warped by the flow, colour blended in; same shape.

    Teeth are left out: they are not the generator's."""
    batch, _, height, width = fields.shape
    theta = torch.eye(2, 3, device=fields.device).expand(batch, -1, -1)
    base = functional.affine_grid(theta, [batch, 3, height, width], align_corners=False)
    grid = base + 2 * fields[:, :2].permute(0, 2, 3, 1)
    warped = functional.grid_sample(photo, grid, padding_mode="border", align_corners=False)
    alpha = fields[:, 2:3].clamp(0, 1)
    return warped * (1 - alpha) + fields[:, 3:6] * alpha


def attention(size: int) -> Tensor:
    """``[1, 1, size, size]`` weights, mean 1: mouth and eyes over cheeks, cheeks over hair."""
    axis = (torch.arange(size) + 0.5) / size
    y, x = torch.meshgrid(axis, axis, indexing="ij")

    def blob(cx: float, cy: float, rx: float, ry: float) -> Tensor:
        return torch.exp(-(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2))

    weight = 0.25 + blob(0.5, 0.5, 0.33, 0.4) + 3.0 * blob(0.5, 0.60, 0.15, 0.12)
    # An eye is small and shut for moments only: unless it counts for much, lids are never learned.
    for x_eye, y_eye in CANVAS_EYES:
        weight = weight + 9.0 * blob(float(x_eye), float(y_eye), 0.085, 0.05)
    return (weight / weight.mean())[None, None]


def fields_loss(
    predicted: Tensor, target: Tensor, photo: Tensor, weight: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss and its parts for fields ``[B, 8, N, N]``; photo ``[B, 3, N, N]`` RGB 0 to 1.

    Flow counts in canvas pixels where the photo shows through, colour where it covers.
    """
    size = predicted.shape[-1]
    shows, covers = 1 - target[:, 2:3], target[:, 2:3]
    pixels = (predicted[:, :2] - target[:, :2]) * size
    flow = (pixels.abs() * shows * weight).mean()
    # Squares as well: a lid that stays open errs by much in few places, which absolutes let pass.
    leap = (pixels.square() * shows * weight).mean()
    uncovered = predicted[:, 2:3] - target[:, 2:3]
    alpha = ((uncovered.abs() + 2 * uncovered.square()) * weight).mean()
    painted = (predicted[:, 3:] - target[:, 3:]).abs() * covers * weight
    colour, mouth = painted[:, :3].mean(), painted[:, 3:].mean()
    difference = composite(photo, predicted) - composite(photo, target)
    picture = (difference.abs() * weight).mean()
    total = flow + 0.4 * leap + 6 * alpha + 6 * colour + 2 * mouth + 4 * picture
    parts = {
        "flow px": flow,
        "flow px2": leap,
        "alpha": alpha,
        "colour": colour,
        "light, tongue": mouth,
        "picture": picture,
    }
    return total, {k: v.detach() for k, v in parts.items()}
