"""The picture of the preview's window, with figures and a hint on it."""

from __future__ import annotations

import tkinter as tk

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.preview import shapes
from engine.preview.theme import Theme

__all__ = ["Stage"]


class Stage(tk.Canvas):
    """A square picture with round corners.

    side: pixels.
    """

    def __init__(self, parent: tk.Misc, theme: Theme, side: int) -> None:
        c, px = theme.colours, theme.px
        super().__init__(
            parent, width=side, height=side, background=c.sheet, highlightthickness=0, bd=0
        )
        self._theme, self._side = theme, side
        self._troubled, self._hinted = False, False
        self._image = tk.PhotoImage(width=side, height=side)
        self.create_image(0, 0, image=self._image, anchor="nw")
        self._boxes: dict[int, NDArray[np.float32]] = {}
        self._figures = self.create_text(
            side - px(22), px(23), anchor="e", fill="#ffffff", font=theme.small
        )
        self._hint = self.create_text(
            side // 2, side - px(22), anchor="s", font=theme.bold, width=side - px(60)
        )
        shape = shapes.coverage(shapes.rounded(side, side, px(12)))[..., None]
        ground = shapes.painted(c.sheet, size=(1, 1))[0, 0].astype(np.float32)
        corner = px(12)
        # Only the corners are blended, a few hundred pixels.
        self._corners = [
            (rows, columns, shape[rows, columns], (1 - shape[rows, columns]) * ground)
            for rows in (slice(0, corner), slice(side - corner, side))
            for columns in (slice(0, corner), slice(side - corner, side))
        ]
        down = np.clip((np.arange(side) - side + px(90)) / px(90), 0, 1)
        self._shade = (1 - 0.7 * down[-px(90) :, None, None]).astype(np.float32)

    def show_figures(self, words: str) -> None:
        """In the corner."""
        self.itemconfigure(self._figures, text=words)

    def show_hint(self, words: str, trouble: bool) -> None:
        """At the foot; the next picture is drawn with it."""
        self._troubled, self._hinted = trouble, bool(words)
        self.itemconfigure(
            self._hint,
            text=words,
            fill=self._theme.colours.danger if trouble else "#ffffff",
            font=self._theme.text if trouble else self._theme.bold,
        )

    def draw(self, image: NDArray[np.uint8]) -> None:
        """Show a picture ``[H, W, 3]`` uint8 RGB, figures and hint on it."""
        side, px, c = self._side, self._theme.px, self._theme.colours
        if image.shape[:2] != (side, side):
            image = _covering(image, side)
        image = image.copy()
        if self._troubled:
            self._put_behind(image, self._hint, px(14), px(12), c.danger_sheet, 0.94)
        elif self._hinted:
            part = image[-len(self._shade) :]
            part[:] = part * self._shade
        self._put_behind(image, self._figures, px(12), px(13), "#000000", 0.6)
        for rows, columns, inside, ground in self._corners:
            image[rows, columns] = image[rows, columns] * inside + ground
        self._image.configure(data=shapes.ppm(image))

    def _put_behind(
        self, image: NDArray[np.uint8], words: int, pad: int, radius: int, colour: str, dense: float
    ) -> None:
        """A box with round corners where words stand on the picture."""
        x0, y0, x1, y1 = self.bbox(words)
        x0, y0 = max(x0 - pad, 0), max(y0 - pad // 2, 0)
        part = image[y0 : y1 + pad // 2, x0 : x1 + pad]
        height, width = part.shape[:2]
        if self._boxes.get(words, np.zeros(0)).shape[:2] != (height, width):
            shape = shapes.rounded(width, height, radius)
            self._boxes[words] = shapes.coverage(shape)[..., None] * np.float32(dense)
        part[:] = part + self._boxes[words] * (shapes.rgb(colour) - part)


def _covering(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The middle of ``[H, W, 3]``, scaled to ``[side, side, 3]``."""
    height, width = image.shape[:2]
    least = min(height, width)
    y, x = (height - least) // 2, (width - least) // 2
    part = image[y : y + least, x : x + least]
    way = cv2.INTER_AREA if least > side else cv2.INTER_LINEAR
    return cv2.resize(part, (side, side), interpolation=way).astype(np.uint8, copy=False)
