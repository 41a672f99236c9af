"""Colours, fonts and sizes of the preview window: those of the page (client_web/style.css)."""

from __future__ import annotations

import tkinter as tk
from dataclasses import dataclass
from tkinter import font
from typing import Literal

__all__ = ["DARK", "LIGHT", "Palette", "Theme", "ThemeName", "palette"]

ThemeName = Literal["auto", "light", "dark"]


@dataclass(frozen=True)
class Palette:
    """ground: behind everything. sheet: a card. raised: a button. soft: words of less weight."""

    ground: str
    sheet: str
    raised: str
    hover: str
    line: str
    ink: str
    soft: str
    accent: str
    on_accent: str
    danger: str
    danger_sheet: str
    good: str
    warn: str


LIGHT = Palette(
    ground="#f5f5f8", sheet="#ffffff", raised="#ecedf2", hover="#e0e1ea", line="#dcdde5",
    ink="#16171d", soft="#595c6b", accent="#5046d8", on_accent="#ffffff", danger="#c02a37",
    danger_sheet="#f9eaeb", good="#15803d", warn="#b45309",
)  # fmt: skip
DARK = Palette(
    ground="#111216", sheet="#1b1d23", raised="#272a32", hover="#323640", line="#343842",
    ink="#f2f3f7", soft="#a6a9b8", accent="#a29cff", on_accent="#14121f", danger="#ff8a8f",
    danger_sheet="#322830", good="#4ade80", warn="#fbbf24",
)  # fmt: skip


def palette(name: ThemeName) -> Palette:
    """auto: what the system is set to, light where nobody knows."""
    if name == "auto":
        try:
            import darkdetect
        except ImportError:
            return LIGHT
        return DARK if darkdetect.isDark() else LIGHT
    return DARK if name == "dark" else LIGHT


class Theme:
    """A palette, and sizes for one screen.

    scale: pixels of the screen to one of the design, whose unit is 1/96 inch.
    """

    def __init__(self, root: tk.Misc, colours: Palette) -> None:
        self.colours = colours
        self.scale = max(1.0, round(root.winfo_fpixels("1i") / 96 * 4) / 4)
        family = font.nametofont("TkDefaultFont").actual("family")
        self.text = font.Font(family=family, size=-self.px(13))
        self.small = font.Font(family=family, size=-self.px(12))
        self.bold = font.Font(family=family, size=-self.px(13), weight="bold")
        self.title = font.Font(family=family, size=-self.px(17), weight="bold")

    def px(self, design: float) -> int:
        """Pixels of the screen."""
        return round(design * self.scale)
