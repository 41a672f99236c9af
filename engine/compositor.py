"""The compositor: canvas and head rotation -> the frame.

The photo is looked up once for each pixel of the frame, at its own resolution: where the head has
turned to, plus where the face has moved to. Colour is then blended in where the canvas covers the
photo, with teeth in it where the mouth is open.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.face import Canvas
from engine.teeth import Teeth

__all__ = ["HEAD_LIMIT", "UNSEEN", "VISIBLE", "Compositor"]

# Radians; beyond this a warped photo no longer looks like a turned head.
HEAD_LIMIT = np.radians(5.0).astype(np.float32)
# Where a head is, in units of the canvas's side around the canvas: middle, half axes, where
# it bends.
_HEAD_MIDDLE = (0.50, 0.42)
_HEAD_AXES = (0.44, 0.66)
_NECK = (0.50, 1.02)
_DEPTH = 0.42
# How far the nose stands out, and its place and size: against the eyes it is what turns visibly.
_NOSE_DEPTH = 0.08
_NOSE_MIDDLE = (0.50, 0.42)
_NOSE_AXES = (0.09, 0.13)
# The canvas fades out towards its border, in shares of its side.
_FADE = 0.06
VISIBLE = 0.5 / 255
UNSEEN = 0.3  # with less light than this teeth fade from sight
_JAW = 0.25  # canvas widths; no jaw drops further
_STILL = 0.5  # pixels a radian: at most 1/20 pixel at the limit


class Compositor:
    """Draws one avatar's frames: immutable, shared by sessions.

    photo:  ``[H, W, 3]`` uint8 RGB.
    matrix: ``[2, 3]``, the canvas's unit square to the photo's pixels (pixel centres at .5).
    size:   the canvas's side in canvas pixels.
    teeth:  layers in the photo's pixels.
    head:   ``[2, 3]``, the eye-aligned square that says where the head is, if not the canvas.

    What it draws from is open to other back ends (``export.frame``): ``photo``; ``box`` of the
    frame, all that can move; ``turn [3, h, w, 2]`` pixels a radian in it; ``region`` of the box,
    where the canvas is; ``mouth`` of the region, where teeth can come to be; ``to_canvas [2, 3]``
    from frame to canvas pixels; ``linear [2, 2]`` from canvas widths to frame pixels;
    ``window [N, N, 1]``, the canvas's fade; ``upper``, ``lower [h, w, 4]``, teeth with
    premultiplied alpha, and their ``teeth_origin [2]``.
    """

    def __init__(
        self,
        photo: NDArray[np.uint8],
        matrix: NDArray[np.float64],
        size: int,
        teeth: Teeth,
        head: NDArray[np.float64] | None = None,
    ) -> None:
        self.photo = np.ascontiguousarray(photo)
        height, width = photo.shape[:2]
        self.linear = matrix[:, :2].astype(np.float32)
        to_unit = np.linalg.inv(matrix[:, :2])
        offset = -to_unit @ matrix[:, 2]
        # Frame pixel index (i, j) -> canvas pixel index; both count centres from 0.
        self.to_canvas = np.c_[to_unit * size, (to_unit @ (0.5, 0.5) + offset) * size - 0.5]
        y, x = np.mgrid[:height, :width].astype(np.float32)
        self._grid = np.stack([x, y], -1)
        corners = np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1]]) @ matrix.T
        margin = 0.08 * float(np.hypot(*matrix[:, 0]))  # a turned head leaves its square
        x0, y0 = np.floor(corners.min(0) - margin).astype(int).clip(0)
        x1, y1 = np.ceil(corners.max(0) + margin).astype(int)
        self.window = _window(size)
        turn = self._turning(matrix if head is None else head, height, width)
        # All work is done in the box that head or canvas can reach; the rest is the photo.
        reached = np.abs(turn).max((0, 3)) > _STILL
        reached[y0:y1, x0:x1] = True
        rows, columns = np.flatnonzero(reached.any(1)), np.flatnonzero(reached.any(0))
        top, left = int(rows[0]), int(columns[0])
        self.box = np.s_[top : rows[-1] + 1, left : columns[-1] + 1]
        self.region = np.s_[y0 - top : min(y1, height) - top, x0 - left : min(x1, width) - left]
        self._grid = np.ascontiguousarray(self._grid[self.box])
        self.turn = np.ascontiguousarray(turn[:, *self.box])
        self.upper, self.lower = (_premultiplied(x) for x in (teeth.upper, teeth.lower))
        self.teeth_origin = teeth.origin.astype(np.float32)
        # The part of the region where teeth can come to be: their layers, a dropped jaw, a turn.
        reach = np.abs(turn).sum(0).max() * HEAD_LIMIT + 2
        drop = _JAW * float(np.hypot(*matrix[:, 1]))
        x, y = (np.floor(teeth.origin - (x0, y0) - reach)).astype(int)
        h, w = teeth.upper.shape[:2]
        far_x, far_y = int(x + w + 2 * reach) + 1, int(y + h + 2 * reach + drop) + 1
        self.mouth = np.s_[max(y, 0) : max(far_y, 0), max(x, 0) : max(far_x, 0)]

    def _turning(self, matrix: NDArray[np.float64], height: int, width: int) -> NDArray[np.float32]:
        """Lookup displacement a radian of pitch, yaw and roll: ``[3, H, W, 2]`` pixels.

        A round head with a nose, on a neck, to first order; it fades into shoulders and
        background.
        """
        axis_x, axis_y = matrix[:, 0], matrix[:, 1]
        side = float(np.hypot(*axis_x))
        relative = self._grid + 0.5 - matrix[:, 2]
        unit = relative @ np.linalg.inv(matrix[:, :2]).T
        across = (unit - _HEAD_MIDDLE) / _HEAD_AXES
        radius = np.sqrt((across**2).sum(-1))
        nose = np.exp(-(((unit - _NOSE_MIDDLE) / _NOSE_AXES) ** 2).sum(-1))
        round_head = np.cos(np.clip(radius / 1.45, 0, 1) * np.pi / 2)
        depth = side * (_DEPTH * round_head + _NOSE_DEPTH * nose)
        fade = np.clip((1.75 - radius) / 0.75, 0, 1)
        weight = fade * fade * (3 - 2 * fade)
        # Long hair and shoulders stay where the neck is.
        below = np.clip((1.30 - unit[..., 1]) / 0.45, 0, 1)
        weight = weight * below * below * (3 - 2 * below)
        neck = matrix[:, :2] @ _NECK + matrix[:, 2]
        arm = self._grid + 0.5 - neck
        down, right = axis_y / side, axis_x / side
        pitch = depth[..., None] * down
        yaw = depth[..., None] * right
        roll = np.stack([-arm[..., 1], arm[..., 0]], -1)
        # Lookups go against the movement.
        turn = -weight[..., None] * np.stack([pitch, yaw, roll])
        edge = np.ones((height, width), np.float32)
        border = max(2, round(0.03 * min(height, width)))
        ramp = np.minimum(np.arange(max(height, width)) / border, 1)
        edge *= np.minimum(ramp[:width], ramp[:width][::-1])
        edge[: height // 2] *= ramp[: height // 2, None]
        return np.asarray(turn * edge[..., None], np.float32)

    def draw(self, canvas: Canvas, head: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The frame, ``[H, W, 3]`` uint8 RGB.

        head: ``[3]`` pitch, yaw, roll in radians, limited to ``HEAD_LIMIT`` here.
        """
        turn = np.clip(head, -HEAD_LIMIT, HEAD_LIMIT)
        lookup = self._grid.copy()
        for k in np.flatnonzero(turn):
            cv2.scaleAdd(self.turn[k], float(turn[k]), lookup, lookup)
        region = lookup[self.region]
        on_canvas = cv2.transform(region, self.to_canvas)
        moved = _looked_up(np.dstack([canvas.flow * self.window, canvas.mouth]), on_canvas)
        cover = _looked_up(canvas.cover * self.window, on_canvas)
        self._add_teeth(cover, moved[..., 2:], region, self.linear @ canvas.jaw)
        region += cv2.transform(moved[..., :2], self.linear)
        frame = self.photo.copy()
        # Cubic: a swaying head must not pulse between sharp and soft as it crosses the pixel grid.
        frame[self.box] = _looked_up(
            self.photo, lookup, cv2.INTER_CUBIC, border=cv2.BORDER_REPLICATE
        )
        box = _bounds(cover[..., 3])
        under, over = frame[self.box][self.region][box], cover[box]
        under[:] = np.rint(under * (1 - over[..., 3:]) + over[..., :3] * 255).astype(np.uint8)
        return frame

    def _add_teeth(
        self,
        cover: NDArray[np.float32],
        mouth: NDArray[np.float32],
        where: NDArray[np.float32],
        jaw: NDArray[np.float32],
    ) -> None:
        """Put teeth into ``cover [h, w, 4]``, in place, wherever it shows the inside of the mouth.

        mouth: ``[h, w, 2]``, light and tongue. where: ``[h, w, 2]``, the place in the photo that
        each pixel shows, the head turned and the face at rest. jaw: ``[2]`` pixels.
        """
        inside = cover[self.mouth]
        box = _bounds(inside[..., 3])
        inside, place = inside[box], where[self.mouth][box] - self.teeth_origin
        if not inside.size:
            return
        light, tongue = mouth[self.mouth][box][..., :1], mouth[self.mouth][box][..., 1:]
        open_to_them = inside[..., 3:] * np.minimum(light / UNSEEN, 1)
        for layer, at, seen in (
            (self.lower, place - jaw, open_to_them * (1 - tongue)),
            (self.upper, place, open_to_them),
        ):
            teeth = _looked_up(layer, at) * seen
            inside[..., :3] *= 1 - teeth[..., 3:] / np.maximum(inside[..., 3:], VISIBLE)
            inside[..., :3] += teeth[..., :3] * light


def _bounds(alpha: NDArray[np.float32]) -> tuple[slice, slice]:
    """The smallest box of ``alpha [h, w]`` with anything to see in it."""
    rows = np.flatnonzero(alpha.max(1, initial=0) > VISIBLE)
    columns = np.flatnonzero(alpha.max(0, initial=0) > VISIBLE)
    if not len(rows):
        return np.s_[:0, :0]
    return np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _premultiplied(rgba: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``[h, w, 4]`` 0 to 1, colour multiplied by alpha."""
    layer = rgba.astype(np.float32) / 255
    layer[..., :3] *= layer[..., 3:]
    return layer


def _looked_up(
    image: NDArray[Any],
    where: NDArray[Any],
    interpolation: int = cv2.INTER_LINEAR,
    border: int = cv2.BORDER_CONSTANT,
) -> NDArray[Any]:
    """``image`` at the pixel indices ``where [H, W, 2]``, between pixels interpolated."""
    no_second_map: Any = None  # OpenCV's type stubs do not know that it may be missing
    return np.asarray(cv2.remap(image, where, no_second_map, interpolation, borderMode=border))


def _window(size: int) -> NDArray[np.float32]:
    """``[size, size, 1]``: 1 inside, falling to 0 at the border."""
    ramp = np.minimum(np.arange(size) + 0.5, size - 0.5 - np.arange(size)) / (_FADE * size)
    ramp = np.clip(ramp, 0, 1)
    return (ramp[:, None] * ramp[None, :])[..., None].astype(np.float32)
