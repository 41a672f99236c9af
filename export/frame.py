"""The compositor as a part of the graph: motion in, frame out, all of it on one device.

The same arithmetic as ``engine.compositor``, which is the right form for a CPU. On a GPU looking
pixels up is cheap (GridSample), and a frame that leaves the device once costs less than a canvas
that leaves it for the CPU to warp with. Coordinates need more than half precision has: at 512
pixels it knows quarters. So whatever the precision of the face network, this part computes in
single.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.compositor import HEAD_LIMIT, UNSEEN, VISIBLE, Compositor

__all__ = ["FrameCompositor", "FrameGenerator", "InHalf", "PaintedCompositor"]


class FrameCompositor(nn.Module):
    """Draws the frames of one avatar.

    Differs from ``engine.compositor`` by rounding: OpenCV rounds lookups to 1/32 pixel and colours
    to 8 bits in between.
    """

    def __init__(self, compositor: Compositor) -> None:
        super().__init__()
        self.height, self.width = compositor.photo.shape[:2]
        self.box, self.region, self.mouth = (
            _corners(s) for s in (compositor.box, compositor.region, compositor.mouth)
        )
        top, bottom, left, right = self.box
        # All the frame's numbers that depend on nothing but the photo.
        self._keep("photo", torch.from_numpy(compositor.photo).permute(2, 0, 1)[None])
        self._keep("turn", torch.from_numpy(compositor.turn).permute(1, 2, 3, 0))  # [h, w, 2, 3]
        # Pixel indices, in a shape that keeps them whole when weights are stored in halves.
        self._keep("column", torch.arange(left, right).float().reshape(1, 1, 1, -1))
        self._keep("row", torch.arange(top, bottom).float().reshape(1, 1, -1, 1))
        self._keep("to_canvas", torch.from_numpy(compositor.to_canvas).float())
        self._keep("linear", torch.from_numpy(compositor.linear).float())
        self._keep("window", torch.from_numpy(compositor.window).permute(2, 0, 1)[None])
        for name, layer in (("upper", compositor.upper), ("lower", compositor.lower)):
            self._keep(name, torch.from_numpy(layer).permute(2, 0, 1)[None])
        self._keep("teeth_origin", torch.from_numpy(compositor.teeth_origin).float())

    def _keep(self, name: str, value: Tensor) -> None:
        self.register_buffer(name, value.contiguous(), persistent=False)

    def forward(
        self,
        flow: Tensor,
        alpha: Tensor,
        colour: Tensor,
        light: Tensor,
        tongue: Tensor,
        jaw: Tensor,
        head: Tensor,
    ) -> Tensor:
        """Fields of ``engine.face`` ``[B, n, N, N]``, jaw ``[B, 2]``, head ``[B, 3]`` radians.

        Gives frames ``[B, H, W, 3]`` uint8 RGB.
        """
        turn = head.clamp(-float(HEAD_LIMIT), float(HEAD_LIMIT))
        x, y = torch.einsum("hwck,bk->bhwc", self.turn, turn).unbind(-1)
        lookup = torch.stack([x + self.column[0], y + self.row[0]], -1)  # [B, h, w, 2]
        top, bottom, left, right = self.region
        region = lookup[:, top:bottom, left:right]
        on_canvas = region @ self.to_canvas[:, :2].T + self.to_canvas[:, 2]
        fields = torch.cat([flow, colour * alpha, alpha], 1) * self.window
        fields = _looked_up(torch.cat([fields, light, tongue], 1), on_canvas)  # [B, 8, h, w]
        flow, cover, mouth = fields.split([2, 4, 2], 1)
        cover = self._with_teeth(cover, mouth, region, jaw @ self.linear.T)
        moved = region + flow.permute(0, 2, 3, 1) @ self.linear.T
        lookup = _replaced(lookup, moved, self.region)
        photo = self.photo.float()
        inside = _at(photo, lookup, "bicubic", "border").round().clamp(0, 255)
        colour, alpha = cover.split([3, 1], 1)
        under = inside[:, :, top:bottom, left:right]
        covered = (under * (1 - alpha) + colour * 255).round().clamp(0, 255)
        inside = inside.permute(0, 2, 3, 1)
        inside = _replaced(inside, covered.permute(0, 2, 3, 1), self.region)
        frame = photo.permute(0, 2, 3, 1).expand(head.shape[0], -1, -1, -1)
        return _replaced(frame, inside, self.box).to(torch.uint8)

    def _with_teeth(self, cover: Tensor, mouth: Tensor, where: Tensor, jaw: Tensor) -> Tensor:
        """``cover [B, 4, h, w]`` with teeth wherever it shows the inside of the mouth.

        mouth: ``[B, 2, h, w]``, light and tongue. where: ``[B, h, w, 2]`` in the photo, the head
        turned and the face at rest. jaw: ``[B, 2]`` pixels.
        """
        top, bottom, left, right = self.mouth
        colour, alpha = cover[:, :, top:bottom, left:right].split([3, 1], 1)
        light, tongue = mouth[:, :, top:bottom, left:right].split([1, 1], 1)
        place = where[:, top:bottom, left:right] - self.teeth_origin
        open_to_them = alpha * (light / UNSEEN).clamp(max=1)
        for layer, at, seen in (
            (self.lower, place - jaw[:, None, None], open_to_them * (1 - tongue)),
            (self.upper, place, open_to_them),
        ):
            teeth = _at(layer, at, "bilinear", "zeros") * seen
            colour = colour * (1 - teeth[:, 3:] / alpha.clamp(min=VISIBLE))
            colour = colour + teeth[:, :3] * light
        inside = torch.cat([colour, alpha], 1).permute(0, 2, 3, 1)
        whole = _replaced(cover.permute(0, 2, 3, 1), inside, self.mouth)
        return whole.permute(0, 3, 1, 2)


class PaintedCompositor(nn.Module):
    """The same for the stylegan families, whose face covers the photo: ``engine.face.PICTURE``."""

    def __init__(self, compositor: Compositor) -> None:
        super().__init__()
        self.inner = FrameCompositor(compositor)

    def forward(self, rgb: Tensor, head: Tensor) -> Tensor:
        """rgb ``[B, 3, N, N]`` 0 to 1, head ``[B, 3]``; frames ``[B, H, W, 3]`` uint8 RGB."""
        none = torch.zeros_like(rgb[:, :1])
        flow, jaw = torch.cat([none, none], 1), none[:, 0, 0, :2]
        frames: Tensor = self.inner(
            flow, torch.ones_like(none), rgb.clamp(0, 1), none, none, jaw, head
        )
        return frames


class FrameGenerator(nn.Module):
    """The GPU form of an avatar: face ``[B, 52]`` and head ``[B, 3]`` -> frames, uint8 RGB.

    face_network: maps face to the fields of ``engine.face`` and the jaw.
    """

    def __init__(self, face_network: nn.Module, compositor: FrameCompositor) -> None:
        super().__init__()
        self.face_network = face_network
        self.compositor = compositor

    def forward(self, face: Tensor, head: Tensor) -> Tensor:
        """Both float32; frames ``[B, H, W, 3]``."""
        frames: Tensor = self.compositor(*self.face_network(face), head)
        return frames


class InHalf(nn.Module):
    """A synthesis network in half precision, in a surrounding of single.

    What makes its latents stays in single, though it is small: the displacement is a difference of
    two large numbers, of which halves leave 0.4 where 2.4 is the greatest (measured on the released
    prior; the worst of 50 frames was 40 dB from the one in single, and is 72 so).
    """

    def __init__(self, synthesis: nn.Module) -> None:
        super().__init__()
        self.synthesis = synthesis.half()

    def forward(self, ws: Tensor) -> Tensor:
        """Single in, single out."""
        out: Tensor = self.synthesis(ws.half())
        return out.float()


def _corners(box: tuple[slice, slice]) -> tuple[int, int, int, int]:
    """top, bottom, left, right."""
    rows, columns = box
    return int(rows.start), int(rows.stop), int(columns.start), int(columns.stop)


def _replaced(whole: Tensor, part: Tensor, box: tuple[int, int, int, int]) -> Tensor:
    """``whole [B, H, W, C]`` with ``part`` in its box."""
    top, bottom, left, right = box
    height, width = whole.shape[1:3]
    rows = whole[:, top:bottom]
    middle = torch.cat([rows[:, :, :left], part, rows[:, :, right:width]], 2)
    return torch.cat([whole[:, :top], middle, whole[:, bottom:height]], 1)


def _looked_up(image: Tensor, where: Tensor) -> Tensor:
    """``image [B, C, h, w]`` at pixel indices ``where [B, H, W, 2]``; nothing is around it."""
    return functional.grid_sample(
        image, _normalised(where, image), "bilinear", "zeros", align_corners=False
    )


def _at(image: Tensor, where: Tensor, mode: str, padding: str) -> Tensor:
    """One ``image [1, C, h, w]`` for all: at ``where [B, H, W, 2]``, gives ``[B, C, H, W]``.

    The batch is stacked into one tall grid, so that the image is not copied for each frame.
    """
    batch, height, width, _ = where.shape
    tall = _normalised(where, image).reshape(1, batch * height, width, 2)
    found = functional.grid_sample(image, tall, mode, padding, align_corners=False)
    return found.reshape(-1, batch, height, width).transpose(0, 1)


def _normalised(where: Tensor, image: Tensor) -> Tensor:
    """Pixel indices as grid_sample wants them: -1 to 1 from edge to edge."""
    x, y = where.unbind(-1)
    height, width = image.shape[2:]
    return torch.stack([(x * 2 + 1) / width - 1, (y * 2 + 1) / height - 1], -1)
