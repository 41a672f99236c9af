"""More faces and worse cameras than the portraits have: batched augmentation, on any device.

Three kinds, in this order. **Shape**: the canvas is warped smoothly, and picture, landmarks and
fields with it, so that there are more faces than portraits. **Light**: exposure, tint, contrast and
shadow change picture and painted colours alike. **Camera**: blur, loss of resolution, noise, JPEG
and things in front of the face change the picture that the encoder looks at and nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from export.align import CANVAS_EYES

__all__ = ["Batch", "Warp", "lit", "mirrored", "photographed", "warped"]

_ORDERS = tuple((i, j) for i in range(3) for j in range(3))
# Standard deviation of a mode's amplitude in canvas widths, by the sum of its orders, for the
# strongest warps. People differ by as much: 0.015 in where the mouth is.
_SPREAD = (0.016, 0.011, 0.005, 0.0025, 0.0015)
_MISPLACED = 0.003  # the same for what the alignment by the eyes leaves
_INVERSION_STEPS = 4
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_UNTOUCHED = 0.2  # share of the pictures that come from a perfect camera
_BLUR_REACH = 7


@dataclass(frozen=True)
class Batch:
    """I people, F fields each, the first of which is rest.

    photo: ``[I, 3, N, N]`` RGB 0 to 1. landmarks: ``[I, 468, 2]`` canvas units.
    face: ``[I, F, 52]``. fields: ``[I, F, 8, N, N]``.
    """

    photo: Tensor
    landmarks: Tensor
    face: Tensor
    fields: Tensor


def mirrored(batch: Batch, chosen: Tensor, shapes: Tensor, points: Tensor) -> Batch:
    """Left and right exchanged for those who are ``chosen [I]`` (bool).

    shapes: ``[52]``, points: ``[468]``: the index of each coefficient's and landmark's mirror
    image.
    """
    landmarks = torch.stack([1 - batch.landmarks[..., 0], batch.landmarks[..., 1]], -1)[:, points]
    fields = batch.fields.flip(-1)
    fields = torch.cat([-fields[:, :, :1], fields[:, :, 1:]], 2)
    flipped = Batch(batch.photo.flip(-1), landmarks, batch.face[..., shapes], fields)
    return Batch(
        *(
            torch.where(chosen.view(-1, *[1] * (old.dim() - 1)), new, old)
            for new, old in zip(vars(flipped).values(), vars(batch).values(), strict=True)
        )
    )


class Warp:
    """Smooth maps of the canvas, ``p -> p + g(p)``, g in the lowest modes of the DCT.

    amplitudes: ``[I, 9, 2]`` canvas widths.
    """

    def __init__(self, amplitudes: Tensor) -> None:
        self._amplitudes = amplitudes

    @staticmethod
    def random(count: int, generator: torch.Generator) -> Warp:
        """Faces as different as people are, or less: a puppet of the warped face would move a
        little differently. Eyes stay: they are what canvases are aligned by."""
        device = generator.device
        spread = torch.tensor([_SPREAD[i + j] for i, j in _ORDERS], device=device)[:, None]
        free = spread * torch.randn(count, len(_ORDERS), 2, generator=generator, device=device)
        eyes = _modes(torch.from_numpy(CANVAS_EYES).float().to(device))  # [2, K]
        # The least change, in units of the spread, that brings g to zero at both eyes.
        weighted = eyes * spread.T
        back = weighted.T @ torch.linalg.inv(weighted @ weighted.T)
        kept = free - spread * (back @ (eyes @ free))
        left = torch.randn(count, len(_ORDERS), 2, generator=generator, device=device)
        strength = torch.rand(count, 1, 1, generator=generator, device=device)
        return Warp(strength * (kept + _MISPLACED * spread / _SPREAD[0] * left))

    def pull(self, points: Tensor) -> Tensor:
        """Where ``points [I, P, 2]`` of the warped canvas come from."""
        return points + _modes(points) @ self._amplitudes

    def push(self, points: Tensor) -> Tensor:
        """Where ``points [I, P, 2]`` of the canvas go to: the inverse, by fixed-point iteration."""
        moved = points
        for _ in range(_INVERSION_STEPS):
            moved = points - _modes(moved) @ self._amplitudes
        return moved


def _modes(points: Tensor) -> Tensor:
    """``[..., 2]`` canvas units -> ``[..., K]``."""
    x, y = points[..., 0] * math.pi, points[..., 1] * math.pi
    rows = [torch.cos(k * x) for k in range(3)], [torch.cos(k * y) for k in range(3)]
    return torch.stack([rows[0][i] * rows[1][j] for i, j in _ORDERS], -1)


def warped(batch: Batch, warp: Warp) -> Batch:
    """Everything on warped canvases. What was looked up at x is found at ``push(x)`` now."""
    people, count, _, _, size = batch.fields.shape
    axis = (torch.arange(size, device=batch.photo.device) + 0.5) / size
    to = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).view(1, -1, 2)
    source = warp.pull(to.expand(people, -1, -1))  # [I, N N, 2]
    grid = (2 * source - 1).view(people, size, size, 2)
    everything = torch.cat([batch.photo, batch.fields.flatten(1, 2)], 1)
    drawn = functional.grid_sample(
        everything, grid, mode="bicubic", padding_mode="border", align_corners=False
    )
    photo = drawn[:, :3].clamp(0, 1)
    fields = drawn[:, 3:].unflatten(1, (count, -1))
    flow = fields[:, :, :2].flatten(3).transpose(2, 3)  # [I, F, N N, 2]
    looked_up = warp.push((source[:, None] + flow).flatten(1, 2)).view_as(flow)
    flow = (looked_up - to).transpose(2, 3).unflatten(3, (size, size))
    fields = torch.cat([flow, fields[:, :, 2:].clamp(0, 1)], 2)
    return Batch(photo, warp.push(batch.landmarks), batch.face, fields)


def lit(batch: Batch, generator: torch.Generator) -> Batch:
    """Another light: exposure, white balance, saturation, contrast, and a shadow over the face."""
    people, device = len(batch.photo), generator.device

    def normal(*shape: int) -> Tensor:
        return torch.randn(people, *shape, generator=generator, device=device)

    gain = torch.exp(0.20 * normal(1) + 0.10 * normal(3))[:, None, :, None, None]
    gamma = torch.exp(0.15 * normal(1))[:, None, :, None, None]
    saturation = torch.exp(0.25 * normal(1))[:, None, :, None, None]
    size = batch.photo.shape[-1]
    coarse = functional.interpolate(0.15 * normal(1, 3, 3), (size, size), mode="bicubic")
    shadow = torch.exp(coarse.clamp(-0.8, 0.5))[:, None]
    luma = torch.tensor(_LUMA, device=device).view(1, 1, 3, 1, 1)

    def toned(rgb: Tensor) -> Tensor:  # [I, F, 3, N, N]
        grey = (rgb * luma).sum(2, keepdim=True)
        tinted = (grey + saturation * (rgb - grey)).clamp(0, 1) * gain * shadow
        return tinted.clamp(1e-4, 1) ** gamma

    before, painted, after = batch.fields.split([3, 3, batch.fields.shape[2] - 6], 2)
    fields = torch.cat([before, toned(painted), after], 2)
    return replace(batch, photo=toned(batch.photo[:, None])[:, 0], fields=fields)


def photographed(photo: Tensor, generator: torch.Generator) -> Tensor:
    """``[I, 3, N, N]`` RGB 0 to 1 as a cheap camera sees it, a share of them as they are."""
    device = generator.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(len(photo), *shape, 1, 1, generator=generator, device=device)

    seen = _covered(photo, generator)
    seen = _blurred(seen, 2.5 * uniform(2, 1).square().flatten(1), math.pi * uniform().flatten())
    pieces = seen.split(max(1, math.ceil(len(seen) / 8)))
    factors = 1 + 2.5 * torch.rand(len(pieces), generator=generator, device=device).square()
    seen = torch.cat([_coarser(x, f) for x, f in zip(pieces, factors.tolist(), strict=True)])
    grain = torch.randn(seen.shape, generator=generator, device=device)
    grey = torch.randn(seen[:, :1].shape, generator=generator, device=device)
    seen = seen + uniform(1).square() * (0.05 * grey + 0.03 * grain)
    seen = _compressed(seen.clamp(0, 1), 0.01 + 0.12 * uniform(1).square())
    perfect = uniform(1) < _UNTOUCHED
    return torch.where(perfect, photo, seen)


def _covered(photo: Tensor, generator: torch.Generator) -> Tensor:
    """An ellipse of one colour in front of a quarter of the faces: a hand, a microphone, hair."""
    count, _, size, _ = photo.shape
    device = generator.device
    draw = torch.rand(count, 9, generator=generator, device=device)[..., None, None]
    axis = (torch.arange(size, device=device) + 0.5) / size
    x, y = axis[None, None, :] - draw[:, 0], axis[None, :, None] - draw[:, 1]
    angle = math.pi * draw[:, 2]
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    radii = 0.05 + 0.25 * draw[:, 3], 0.03 + 0.10 * draw[:, 4]
    distance = (along / radii[0]).square() + (across / radii[1]).square()
    cover = torch.sigmoid(8 * (1 - distance)) * (draw[:, 5] < 0.25)
    return photo + cover[:, None] * (draw[:, 6:9] - photo)


def _blurred(photo: Tensor, sigmas: Tensor, angle: Tensor) -> Tensor:
    """Out of focus or moved: a Gaussian of ``sigmas [I, 2]`` pixels along and across
    ``angle``."""
    count = len(photo)
    axis = torch.arange(-_BLUR_REACH, _BLUR_REACH + 1.0, device=photo.device)
    x, y = axis[None, None, :], axis[None, :, None]
    turn = angle[:, None, None]
    along, across = x * turn.cos() + y * turn.sin(), y * turn.cos() - x * turn.sin()
    narrow = sigmas.clamp(min=0.15)[..., None, None]
    weight = torch.exp(-0.5 * ((along / narrow[:, 0]) ** 2 + (across / narrow[:, 1]) ** 2))
    weight = weight / weight.sum((1, 2), keepdim=True)
    kernels = weight[:, None].repeat_interleave(3, 0)
    padded = functional.pad(photo, [_BLUR_REACH] * 4, mode="replicate")
    return functional.conv2d(padded.flatten(0, 1)[None], kernels, groups=3 * count)[0].unflatten(
        0, (count, 3)
    )


def _coarser(photo: Tensor, factor: float) -> Tensor:
    """Fewer pixels by ``factor``, enlarged again."""
    size = photo.shape[-1]
    side = max(8, round(size / factor))
    small = functional.interpolate(photo, (side, side), mode="bilinear", antialias=True)
    return functional.interpolate(small, (size, size), mode="bicubic").clamp(0, 1)


def _compressed(photo: Tensor, step: Tensor) -> Tensor:
    """JPEG's loss: the DCT of 8 x 8 blocks in YCbCr, rounded to steps that grow with frequency.

    step: ``[I, 1, 1, 1]``, of the highest frequencies, in units of the RGB range.
    """
    device = photo.device
    to_ycc = torch.tensor(
        [_LUMA, (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312)], device=device
    )
    k = torch.arange(8.0, device=device)
    dct = torch.cos(math.pi / 8 * (k[None] + 0.5) * k[:, None]) * 0.5
    dct[0] *= 0.5**0.5
    ycc = torch.einsum("ck,ikyx->icyx", to_ycc, photo)
    blocks = ycc.unflatten(3, (-1, 8)).unflatten(2, (-1, 8))  # [I, 3, rows, 8, columns, 8]
    found = torch.einsum("ay,icrykx,bx->icrkab", dct, blocks, dct)
    rising = (1 + k[:, None] + k[None]) / 15
    coarse = torch.tensor([1.0, 2.0, 2.0], device=device).view(1, 3, 1, 1)  # chroma matters less
    steps = 8 * (step * coarse * rising)[:, :, None, None]
    kept = torch.round(found / steps) * steps
    blocks = torch.einsum("ay,icrkab,bx->icrykx", dct, kept, dct)
    ycc = blocks.flatten(4, 5).flatten(2, 3)
    return torch.einsum("ck,ikyx->icyx", torch.linalg.inv(to_ycc), ycc).clamp(0, 1)
