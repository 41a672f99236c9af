"""A visible mark in every picture: that this face was made by a machine."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.control import NEUTRAL, Control
from engine.errors import BadInput
from engine.motion import Motion
from server.performer import Performance

__all__ = ["MOST_LETTERS", "Marked", "check_mark"]

MOST_LETTERS = 40
_FONT = cv2.FONT_HERSHEY_DUPLEX
_OF_HEIGHT = 1 / 26  # letters' height over the picture's
_BOX = 0.45  # how dark the ground behind the letters is, of 1


def check_mark(text: str) -> None:
    """Raises BadInput for a text that can not be written into a picture."""
    if not (0 < len(text) <= MOST_LETTERS and text.isascii() and text.isprintable()):
        raise BadInput(
            f"got the mark {text!r}, expected 1 to {MOST_LETTERS} plain letters: for example "
            "'AI generated'"
        )


class Marked:
    """Another pipeline with a line of text in the lower left corner of what it draws.

    text: 1 to 40 printable ASCII letters, which is what OpenCV's fonts hold. Raises BadInput.
    """

    def __init__(self, inner: Performance, text: str) -> None:
        check_mark(text)
        self._inner = inner
        self._text = text
        self._stamps: dict[tuple[int, int], NDArray[np.float32]] = {}

    @property
    def look_ahead_samples(self) -> int:
        return self._inner.look_ahead_samples

    def initial_state(self, seed: int = 0, control: Control = NEUTRAL) -> Any:
        return self._inner.initial_state(seed, control)

    def listen(
        self, samples: NDArray[np.float32], state: Any, control: Control = NEUTRAL
    ) -> tuple[list[Any], Any]:
        return self._inner.listen(samples, state, control)

    def draw(self, motion: Motion) -> NDArray[np.uint8]:
        """``[H, W, 3]`` uint8 RGB with the mark in it."""
        frame = self._inner.draw(motion).copy()
        height, width = frame.shape[:2]
        if (height, width) not in self._stamps:
            self._stamps[height, width] = _stamp(self._text, height, width)
        letters = self._stamps[height, width]
        margin = round(height * _OF_HEIGHT / 2)
        rows = slice(height - margin - letters.shape[0], height - margin)
        columns = slice(margin, margin + letters.shape[1])
        ground = frame[rows, columns] * (1 - _BOX)
        frame[rows, columns] = ground + (255 - ground) * letters
        return frame


def _stamp(text: str, height: int, width: int) -> NDArray[np.float32]:
    """``[h, w, 1]`` how much letter there is in each pixel of the box, 0 to 1."""
    size = height * _OF_HEIGHT
    scale = cv2.getFontScaleFromHeight(_FONT, max(6, round(size)))
    (w, h), below = cv2.getTextSize(text, _FONT, scale, 1)
    pad = max(2, round(size / 3))
    box: NDArray[Any] = np.zeros((h + below + 2 * pad, w + 2 * pad), np.uint8)
    cv2.putText(box, text, (pad, pad + h), _FONT, scale, (255,), 1, cv2.LINE_AA)
    most = width - round(size)
    if box.shape[1] > most:
        box = cv2.resize(box, (most, max(1, box.shape[0] * most // box.shape[1])))
    return (box / 255).astype(np.float32)[..., None]
