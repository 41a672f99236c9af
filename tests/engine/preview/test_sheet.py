"""A sheet is as large as what lies on it, with a border around."""

from __future__ import annotations

import tkinter as tk

from engine.preview.sheet import card, label
from engine.preview.theme import LIGHT, Theme


def test_a_card_grows_with_what_is_put_on_it(root: tk.Misc, theme: Theme) -> None:
    body = card(root, theme, "Control")
    sheet = body.master.master
    sides = []
    for words in ("a", "a word that is much longer"):
        label(body, words, theme.text, LIGHT.ink, LIGHT.sheet).pack()
        root.update()
        sides.append((sheet.winfo_width(), sheet.winfo_height()))
        assert sheet.winfo_width() >= body.winfo_width() + 2 * theme.px(16)
    assert sides[1][0] > sides[0][0]
    assert sides[1][1] > sides[0][1]
