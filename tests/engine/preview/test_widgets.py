"""Controls are worked by mouse and by keys, and show where they stand."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from engine.preview import icons
from engine.preview.theme import LIGHT, Theme
from engine.preview.widgets import Button, Choice, GazePad, Meter, Slider, Thumbnail


@pytest.fixture
def theme(display: str) -> Iterator[Theme]:
    root = tk.Tk()
    yield Theme(root, LIGHT)
    root.destroy()


@pytest.fixture
def root(theme: Theme) -> tk.Misc:
    return tk._get_default_root()  # type: ignore[attr-defined, no-any-return]


def shown(widget: tk.Widget) -> tk.Widget:
    widget.pack()
    widget.update()
    widget.focus_force()
    widget.update()
    return widget


def face(widget: Any) -> np.ndarray:
    """``[h, w, 3]`` of what a control has painted."""
    image = widget._images["face"]
    rows = image.data(format="ppm") if hasattr(image, "data") else widget.tk.call(image, "data")
    return np.array([[int(p[k : k + 2], 16) for p in row.split() for k in (1, 3, 5)]
                     for row in rows]).reshape(image.height(), image.width(), 3)  # fmt: skip


def test_a_button_is_pressed_by_mouse_and_keys(root: tk.Misc, theme: Theme) -> None:
    pressed: list[int] = []
    button = Button(root, theme, "#ffffff", "Mute", lambda: pressed.append(1), icons.microphone)
    shown(button)
    for event in ("<ButtonRelease-1>", "<space>", "<Return>"):
        button.event_generate(event)
    assert len(pressed) == 3
    before = face(button)
    button.show("Unmute", True, icons.microphone_off)
    assert np.abs(face(button) - before).max() > 50


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


def test_a_choice_shortens_what_does_not_fit_and_can_be_off(root: tk.Misc, theme: Theme) -> None:
    entries = [("A microphone", lambda: None), ("", lambda: None), ("Search again", lambda: None)]
    choice = Choice(root, theme, "#ffffff", 120, lambda: entries)
    shown(choice)
    choice.show("A microphone with a very long name indeed")
    words = choice.itemcget("words", "text")
    assert words.endswith("…")
    assert theme.text.measure(words) <= 120
    choice.show("in.wav", enabled=False)
    choice.open()
    assert choice._menu.index("end") is None, "it does not open"
    choice.show("in.wav", enabled=True)
    choice._menu.tk_popup = lambda x, y: None  # type: ignore[method-assign, misc]
    choice.open()
    assert choice._menu.index("end") == 2


def test_a_meter_is_lit_as_far_as_the_level_goes(root: tk.Misc, theme: Theme) -> None:
    meter = Meter(root, theme, "#ffffff", 100)
    middle = meter._image.height() // 2
    for share in (0.0, 0.5, 1.0):
        meter.show(share, muted=False)
        lit = [
            meter._image.get(x, middle)[1] > meter._image.get(x, middle)[2] + 30
            for x in range(3, 90)
        ]
        assert abs(sum(lit) / 87 - share) < 0.06
    assert meter._image.get(96, middle)[0] > 150, "red near the end"


def test_a_thumbnail_shows_its_state(root: tk.Misc, theme: Theme) -> None:
    worn: list[int] = []
    picture = np.full((40, 40, 3), (10, 120, 40), np.uint8)
    thumbnail = Thumbnail(root, theme, "#ffffff", 40, lambda: worn.append(1))
    thumbnail.pack()
    pictures = []
    for given, state in (
        (None, "loading"),
        (picture, "ready"),
        (picture, "worn"),
        (None, "failed"),
    ):
        thumbnail.show(given, state)
        pictures.append(face(thumbnail))
    assert pictures[1][20, 20].tolist() == [10, 120, 40]
    for a in range(4):
        for b in range(a):
            assert np.abs(pictures[a] - pictures[b]).max() > 10
    shown(thumbnail)
    thumbnail.event_generate("<space>")
    assert worn == [1]
