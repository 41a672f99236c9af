"""Controls are worked by mouse and by keys, and show where they stand."""

from __future__ import annotations

import tkinter as tk
from typing import Any

import numpy as np

from engine.preview import icons
from engine.preview.theme import Theme
from engine.preview.widgets import Button, Choice, Meter, Thumbnail
from tests.engine.preview.screen import shown


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
