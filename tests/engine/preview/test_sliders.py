"""What is dragged stays within its ends, by mouse and by keys."""

from __future__ import annotations

import tkinter as tk

import pytest

from engine.preview.sliders import GazePad, Slider
from engine.preview.theme import Theme
from tests.engine.preview.screen import shown


def test_a_slider_follows_mouse_and_arrows_within_its_ends(root: tk.Misc, theme: Theme) -> None:
    told: list[float] = []
    slider = Slider(root, theme, "#ffffff", 140, "Smile", (-1.0, 1.0), 0.0, told.append)
    shown(slider)
    slider.event_generate("<Button-1>", x=139, y=28)
    assert told[-1] == 1.0
    slider.event_generate("<B1-Motion>", x=70, y=28)
    assert told[-1] == 0.0, "near its rest it falls in"
    slider.event_generate("<Right>")
    slider.event_generate("<Right>")
    assert told[-1] == pytest.approx(0.2)
    slider.event_generate("<Left>")
    assert told[-1] == pytest.approx(0.1)
    slider.event_generate("<Delete>")
    assert told[-1] == 0.0
    count = len(told)
    slider.show(-0.7)
    assert (slider.value, len(told)) == (-0.7, count)


def test_the_gaze_goes_where_one_points_and_is_let_free(root: tk.Misc, theme: Theme) -> None:
    told: list[tuple[float, float] | None] = []
    pad = GazePad(root, theme, "#ffffff", 101, 81, told.append)
    shown(pad)
    pad.event_generate("<Button-1>", x=100, y=1)
    assert told[-1] == pytest.approx((0.98, 0.98))
    pad.event_generate("<B1-Motion>", x=-50, y=200)
    assert told[-1] == (-1.0, -1.0)
    pad.event_generate("<Delete>")
    assert told[-1] is None
    pad.event_generate("<Up>")
    assert told[-1] == pytest.approx((0.0, 0.1))
