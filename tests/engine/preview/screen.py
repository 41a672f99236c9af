"""A widget brought to the screen that nobody sees."""

from __future__ import annotations

import tkinter as tk


def shown(widget: tk.Widget) -> tk.Widget:
    """Packed, drawn, with the keyboard's focus."""
    widget.pack()
    widget.update()
    widget.focus_force()
    widget.update()
    return widget
