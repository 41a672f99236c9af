"""The picture fills its square, with words that can be read on it."""

from __future__ import annotations

import tkinter as tk

import numpy as np

from engine.preview.stage import Stage
from engine.preview.theme import LIGHT, Theme
from tests.engine.preview.screen import shown

SIDE = 300
BRIGHT = np.full((200, 360, 3), 240, np.uint8)


def pixel(stage: Stage, x: int, y: int) -> tuple[int, ...]:
    return stage._image.get(x, y)  # type: ignore[no-any-return]


def test_the_middle_of_a_wide_picture_fills_it_but_for_the_corners(
    root: tk.Misc, theme: Theme
) -> None:
    stage = Stage(root, theme, SIDE)
    shown(stage)
    picture = BRIGHT.copy()
    picture[:, :80] = picture[:, -80:] = (255, 0, 0)
    stage.draw(picture)
    assert pixel(stage, 5, SIDE // 2) == (240, 240, 240), "the sides are cut off"
    sheet = tuple(int(LIGHT.sheet[k : k + 2], 16) for k in (1, 3, 5))
    assert pixel(stage, 0, 0) == sheet


def test_words_stand_on_something_darker_and_trouble_on_a_box(root: tk.Misc, theme: Theme) -> None:
    stage = Stage(root, theme, SIDE)
    shown(stage)
    foot = (SIDE // 2, SIDE - 16)
    stage.draw(BRIGHT)
    assert pixel(stage, *foot) == (240, 240, 240)
    stage.show_hint("Muted", trouble=False)
    stage.draw(BRIGHT)
    assert max(pixel(stage, *foot)) < 120
    stage.show_hint("The camera is used by another program", trouble=True)
    stage.draw(BRIGHT)
    red, green, blue = pixel(stage, *foot)
    assert red > max(green, blue), "the colour of trouble"
    stage.show_figures("25 fps")
    stage.draw(BRIGHT)
    assert max(pixel(stage, SIDE - 24, 23)) < 200
