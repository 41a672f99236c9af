"""What is dragged in the preview: sliders, and a pad for the gaze."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

import numpy as np

from engine.preview import shapes
from engine.preview.theme import Theme
from engine.preview.widgets import Control

__all__ = ["GazePad", "Slider"]


class Slider(Control):
    """A number between two ends. Arrows move it, a double click or Delete brings it back."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, ground: str, width: int, words: str,
        ends: tuple[float, float], rest: float, command: Callable[[float], None],
    ) -> None:  # fmt: skip
        super().__init__(parent, theme, width, theme.px(38), ground)
        self._words, self._ends, self._rest = words, ends, rest
        self.value = rest
        self.command = command
        self._inset = theme.px(9)
        self.bind("<Button-1>", lambda e: self._drag(e.x))
        self.bind("<B1-Motion>", lambda e: self._drag(e.x))
        self.bind("<Double-Button-1>", lambda _: self.move(self._rest))
        self.bind("<Delete>", lambda _: self.move(self._rest))
        step = (ends[1] - ends[0]) / 20
        for key, by in (("Left", -step), ("Down", -step), ("Right", step), ("Up", step)):
            self.bind(f"<{key}>", lambda _, by=by: self.move(self.value + by))  # type: ignore[misc]
        self.draw()

    def show(self, value: float) -> None:
        """Stand there, without telling anybody."""
        if value != self.value:
            self.value = value
            self.draw()

    def move(self, value: float) -> None:
        """Go there, and say so."""
        self.show(min(max(round(value, 3), self._ends[0]), self._ends[1]))
        self.command(self.value)

    def _drag(self, x: int) -> None:
        self.focus_set()
        share = (x - self._inset) / (self.wide - 2 * self._inset)
        value = self._ends[0] + share * (self._ends[1] - self._ends[0])
        near = abs(value - self._rest) < 0.03 * (self._ends[1] - self._ends[0])
        self.move(self._rest if near else value)

    def _at(self, value: float) -> float:
        share = (value - self._ends[0]) / (self._ends[1] - self._ends[0])
        return self._inset + share * (self.wide - 2 * self._inset)

    def draw(self) -> None:
        c, theme = self.theme.colours, self.theme
        y, thick = self.high - theme.px(10), theme.px(4)
        size = self.wide, self.high
        line = shapes.capsule(*size, (self._inset, y), (self.wide - self._inset, y), thick)
        knob, rest = self._at(self.value), self._at(self._rest)
        moved = shapes.capsule(*size, (rest, y), (knob, y), thick)
        mark = shapes.disc(*size, (rest, y), theme.px(3))
        radius = theme.px(8 if self.hovered or self.focused else 7)
        layers = [(shapes.coverage(line), c.line), (shapes.coverage(mark), c.soft)]
        if self.value != self._rest:
            layers.append((shapes.coverage(moved), c.accent))
        if self.focused:
            ring = shapes.outline(shapes.disc(*size, (knob, y), radius + theme.px(2)), theme.px(2))
            layers.append((shapes.coverage(ring) * np.float32(0.5), c.accent))
        layers.append((shapes.coverage(shapes.disc(*size, (knob, y), radius)), c.accent))
        layers.append((shapes.coverage(shapes.disc(*size, (knob, y), radius * 0.45)), c.on_accent))
        self.put("face", shapes.painted(self.ground, *layers))
        self.delete("words")
        self.create_text(
            theme.px(2), theme.px(9), text=self._words, anchor="w", fill=c.ink, font=theme.small,
            tags="words",
        )  # fmt: skip
        signed = self._ends[0] < 0
        told = f"{self.value:+.2f}" if signed and self.value else f"{self.value:.2f}"
        self.create_text(
            self.wide - theme.px(2), theme.px(9), text=told, anchor="e", fill=c.soft,
            font=theme.small, tags="words",
        )  # fmt: skip


class GazePad(Control):
    """Where the eyes look: a point in a square. Free, they wander."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, ground: str, width: int, height: int,
        command: Callable[[tuple[float, float] | None], None],
    ) -> None:  # fmt: skip
        super().__init__(parent, theme, width, height, ground)
        self.value: tuple[float, float] | None = None
        self.command = command
        self.bind("<Button-1>", lambda e: self._drag(e.x, e.y))
        self.bind("<B1-Motion>", lambda e: self._drag(e.x, e.y))
        self.bind("<Double-Button-1>", lambda _: self.move(None))
        self.bind("<Delete>", lambda _: self.move(None))
        for key, by in (
            ("Left", (-0.1, 0)),
            ("Right", (0.1, 0)),
            ("Up", (0, 0.1)),
            ("Down", (0, -0.1)),
        ):
            self.bind(f"<{key}>", lambda _, by=by: self._nudge(by))  # type: ignore[misc]
        self.draw()

    def show(self, value: tuple[float, float] | None) -> None:
        """Stand there, without telling anybody."""
        if value != self.value:
            self.value = value
            self.draw()

    def move(self, value: tuple[float, float] | None) -> None:
        """Go there, and say so."""
        if value is not None:
            x, y = (min(max(round(v, 2), -1.0), 1.0) for v in value)
            value = (x, y)
        self.show(value)
        self.command(value)

    def _nudge(self, by: tuple[float, float]) -> None:
        x, y = self.value or (0.0, 0.0)
        self.move((x + by[0], y + by[1]))

    def _drag(self, x: int, y: int) -> None:
        self.focus_set()
        self.move((2 * x / self.wide - 1, 1 - 2 * y / self.high))

    def draw(self) -> None:
        c, theme = self.theme.colours, self.theme
        size = self.wide, self.high
        shape = shapes.rounded(*size, theme.px(9))
        edge = c.accent if self.focused or self.hovered else c.line
        border = shapes.coverage(shapes.outline(shape, theme.px(2) if self.focused else 1))
        middle = self.wide / 2, self.high / 2
        cross = np.minimum(
            shapes.capsule(
                *size, (middle[0], theme.px(12)), (middle[0], self.high - theme.px(12)), 1
            ),
            shapes.capsule(
                *size, (theme.px(12), middle[1]), (self.wide - theme.px(12), middle[1]), 1
            ),
        )
        layers = [
            (shapes.coverage(shape), c.raised),
            (border, edge),
            (shapes.coverage(cross), c.line),
        ]
        x, y = self.value or (0.0, 0.0)
        inset = theme.px(11)
        at = (
            middle[0] + x * (middle[0] - inset),
            middle[1] - y * (middle[1] - inset),
        )
        if self.value is None:
            ring = shapes.outline(shapes.disc(*size, middle, theme.px(8)), theme.px(2))
            layers.append((shapes.coverage(ring), c.soft))
        else:
            layers.append((shapes.coverage(shapes.disc(*size, at, theme.px(8))), c.accent))
            layers.append((shapes.coverage(shapes.disc(*size, at, theme.px(3.5))), c.on_accent))
        self.put("face", shapes.painted(self.ground, *layers))
