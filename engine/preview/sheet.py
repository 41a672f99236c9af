"""What stands between the widgets of the preview: sheets with round corners, and words."""

from __future__ import annotations

import tkinter as tk
from tkinter.font import Font

from engine.preview import shapes
from engine.preview.theme import Theme

__all__ = ["GAP", "card", "label"]

GAP = 14  # design pixels between sheets


def label(parent: tk.Misc, words: str, font: Font, ink: str, ground: str) -> tk.Label:
    """Words without a border."""
    return tk.Label(
        parent, text=words, font=font, foreground=ink, background=ground, bd=0, padx=0, pady=0
    )


def card(parent: tk.Misc, theme: Theme, title: str = "") -> tk.Frame:
    """A sheet with round corners; what it returns is its inside."""
    c, px = theme.colours, theme.px
    sheet = tk.Canvas(parent, background=c.ground, highlightthickness=0, bd=0)
    sheet.pack(pady=(0, px(GAP)))
    inside = tk.Frame(sheet, background=c.sheet)
    if title:
        tk.Label(inside, text=title, font=theme.bold, foreground=c.ink, background=c.sheet).pack(
            anchor="w", pady=(0, px(6))
        )
    body = tk.Frame(inside, background=c.sheet)
    body.pack()
    sheet.create_window(px(16), px(14), window=inside, anchor="nw")
    images: list[tk.PhotoImage] = []

    def paint(event: tk.Event[tk.Frame]) -> None:
        width, height = event.width + 2 * px(16), event.height + 2 * px(14)
        sheet.configure(width=width, height=height)
        shape = shapes.coverage(shapes.rounded(width, height, px(14)))
        images[:] = [tk.PhotoImage(data=shapes.ppm(shapes.painted(c.ground, (shape, c.sheet))))]
        sheet.delete("sheet")
        sheet.create_image(0, 0, image=images[0], anchor="nw", tags="sheet")
        sheet.tag_lower("sheet")

    inside.bind("<Configure>", paint)
    return body
