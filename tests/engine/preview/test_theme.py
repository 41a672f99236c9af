"""Light and dark: words can be read on everything they stand on, and follow the system."""

from __future__ import annotations

import sys
import tkinter as tk
from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest

from engine.preview.shapes import rgb
from engine.preview.theme import DARK, LIGHT, Palette, Theme, palette


def contrast(a: str, b: str) -> float:
    """WCAG 2.1, relative luminance."""

    def light(colour: str) -> float:
        c = rgb(colour).astype(np.float64) / 255
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    low, high = sorted((light(a), light(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_words_can_be_read(colours: Palette) -> None:
    for ink, grounds in {
        "ink": ("ground", "sheet", "raised", "hover"),
        "soft": ("ground", "sheet"),
        "danger": ("danger_sheet",),
        "good": ("ground",),
        "on_accent": ("accent",),
    }.items():
        for ground in grounds:
            assert contrast(getattr(colours, ink), getattr(colours, ground)) >= 4.5, (ink, ground)


def test_auto_is_what_the_system_is_set_to(monkeypatch: pytest.MonkeyPatch) -> None:
    for dark, expected in ((True, DARK), (False, LIGHT), (None, LIGHT)):
        system = SimpleNamespace(isDark=lambda dark=dark: dark)
        monkeypatch.setitem(sys.modules, "darkdetect", system)
        assert palette("auto") is expected
    monkeypatch.setitem(sys.modules, "darkdetect", None)
    assert palette("auto") is LIGHT
    assert (palette("dark"), palette("light")) == (DARK, LIGHT)


def test_every_colour_is_one() -> None:
    for colours in (LIGHT, DARK):
        for part in fields(colours):
            assert rgb(getattr(colours, part.name)).shape == (3,)


def test_sizes_follow_the_screen(display: str) -> None:
    root = tk.Tk()
    try:
        root.tk.call("tk", "scaling", 2 * 96 / 72)
        theme = Theme(root, LIGHT)
        assert theme.scale == 2
        assert theme.px(18) == 36
        assert theme.text.cget("size") == -26
    finally:
        root.destroy()
