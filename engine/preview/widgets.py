"""The few controls of the preview window, drawn smoothly and worked by mouse and keys alike.

Tk's own look belongs to the nineties on Linux and differs everywhere; these look the same on all
three systems. Each is one canvas.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.preview import shapes
from engine.preview.theme import Theme

__all__ = ["Button", "Choice", "Control", "Meter", "Thumbnail"]


class Control(tk.Canvas):
    """A canvas that can have the keyboard's focus and knows whether the mouse is over it."""

    def __init__(self, parent: tk.Misc, theme: Theme, width: int, height: int, ground: str) -> None:
        super().__init__(
            parent, width=width, height=height, background=ground, highlightthickness=0, bd=0,
            takefocus=True, cursor="hand2",
        )  # fmt: skip
        self.theme, self.ground = theme, ground
        self.wide, self.high = width, height
        self.hovered = False
        self.enabled = True
        self._images: dict[str, tk.PhotoImage] = {}
        self.bind("<Enter>", lambda _: self._hover(True))
        self.bind("<Leave>", lambda _: self._hover(False))
        self.bind("<FocusIn>", lambda _: self.draw())
        self.bind("<FocusOut>", lambda _: self.draw())

    def draw(self) -> None:
        """Paint the state it is in."""
        raise NotImplementedError

    @property
    def focused(self) -> bool:
        return bool(self.focus_get() is self)

    def put(self, name: str, image: NDArray[np.uint8], x: int = 0, y: int = 0) -> None:
        """Show ``[h, w, 3]`` RGB with its upper left corner at (x, y), in place of the last."""
        if name not in self._images:
            self._images[name] = tk.PhotoImage(data=shapes.ppm(image))
            self.create_image(x, y, image=self._images[name], anchor="nw", tags=name)
        else:
            self._images[name].configure(data=shapes.ppm(image))
            self.coords(name, x, y)

    def _hover(self, over: bool) -> None:
        self.hovered = over
        self.draw()


class Button(Control):
    """Words, and an icon before them. ``on``: pressed in, as a muted microphone is.

    icon: ``(size) -> coverage [size, size]``.
    """

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        ground: str,
        words: str,
        command: Callable[[], None],
        icon: Callable[[int], shapes.Coverage] | None = None,
        width: int = 0,
    ) -> None:
        self._words, self._icon = words, icon
        self._side = theme.px(18) if icon else 0
        needed = theme.bold.measure(words) + self._side + theme.px(38 if icon else 32)
        super().__init__(parent, theme, max(needed, width), theme.px(38), ground)
        self.on = False
        self.command = command
        self.bind("<ButtonRelease-1>", lambda _: self.press())
        self.bind("<space>", lambda _: self.press())
        self.bind("<Return>", lambda _: self.press())
        self.draw()

    def press(self) -> None:
        self.focus_set()
        self.command()

    def show(self, words: str, on: bool, icon: Callable[[int], shapes.Coverage] | None) -> None:
        """Other words in the same place."""
        if (words, on) != (self._words, self.on):
            self._words, self.on, self._icon = words, on, icon
            self.draw()

    def draw(self) -> None:
        c, theme = self.theme.colours, self.theme
        shape = shapes.rounded(self.wide, self.high, self.high / 2)
        face = c.danger_sheet if self.on else c.hover if self.hovered else c.raised
        edge = c.accent if self.focused else c.danger if self.on else face
        border = shapes.coverage(shapes.outline(shape, theme.px(2) if self.focused else 1))
        image = shapes.painted(self.ground, (shapes.coverage(shape), face), (border, edge))
        ink = c.danger if self.on else c.ink
        gap = theme.px(7) if self._icon else 0
        left = (self.wide - self._side - gap - theme.bold.measure(self._words)) // 2
        if self._icon:
            top = (self.high - self._side) // 2
            part = image[top : top + self._side, left : left + self._side]
            part[:] = shapes.painted(part, (self._icon(self._side), ink))
        self.put("face", image)
        self.delete("words")
        self.create_text(
            left + self._side + gap, self.high // 2, text=self._words, anchor="w", fill=ink,
            font=theme.bold, tags="words",
        )  # fmt: skip


class Choice(Control):
    """One of several by name, from a menu."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, ground: str, width: int,
        entries: Callable[[], Sequence[tuple[str, Callable[[], None]]]],
    ) -> None:  # fmt: skip
        super().__init__(parent, theme, width, theme.px(36), ground)
        self._entries = entries
        self._chosen = ""
        c = theme.colours
        self._menu = tk.Menu(
            self, tearoff=False, background=c.sheet, foreground=c.ink, font=theme.text,
            activebackground=c.accent, activeforeground=c.on_accent, bd=1, activeborderwidth=0,
            relief="solid",
        )  # fmt: skip
        self.bind("<Button-1>", lambda _: self.open())
        for key in ("<space>", "<Return>", "<Down>"):
            self.bind(key, lambda _: self.open())
        self.draw()

    def show(self, chosen: str, enabled: bool = True) -> None:
        """The name of what is chosen."""
        if (chosen, enabled) != (self._chosen, self.enabled):
            self._chosen, self.enabled = chosen, enabled
            self.configure(cursor="hand2" if enabled else "")
            self.draw()

    def open(self) -> None:
        """Show what there is to choose from."""
        if not self.enabled:
            return
        self.focus_set()
        self._menu.delete(0, "end")
        for words, command in self._entries():
            if words:
                mark = "✓" if words == self._chosen else "   "
                self._menu.add_command(label=f" {mark} {words}  ", command=command)
            else:
                self._menu.add_separator()
        self._menu.tk_popup(self.winfo_rootx(), self.winfo_rooty() + self.high)

    def draw(self) -> None:
        c, theme = self.theme.colours, self.theme
        shape = shapes.rounded(self.wide, self.high, theme.px(9))
        edge = c.accent if self.focused or (self.hovered and self.enabled) else c.line
        border = shapes.coverage(shapes.outline(shape, theme.px(2) if self.focused else 1))
        x, y, arm = self.wide - theme.px(18), self.high / 2, theme.px(4)
        arrow = np.minimum(
            shapes.capsule(self.wide, self.high, (x - arm, y - arm / 2), (x, y + arm / 2), 1.6),
            shapes.capsule(self.wide, self.high, (x + arm, y - arm / 2), (x, y + arm / 2), 1.6),
        )
        layers = [(shapes.coverage(shape), c.sheet), (border, edge)]
        if self.enabled:
            layers.append((shapes.coverage(arrow), c.soft))
        self.put("face", shapes.painted(self.ground, *layers))
        self.delete("words")
        room = self.wide - theme.px(12) - theme.px(30)
        self.create_text(
            theme.px(12), self.high // 2, text=_shortened(self._chosen, theme, room), anchor="w",
            fill=c.ink if self.enabled else c.soft, font=theme.text, tags="words",
        )  # fmt: skip


class Meter(tk.Canvas):
    """How loud the microphone is: green, and red near the end."""

    def __init__(self, parent: tk.Misc, theme: Theme, ground: str, width: int) -> None:
        height = theme.px(8)
        super().__init__(
            parent, width=width, height=height, background=ground, highlightthickness=0, bd=0
        )
        c = theme.colours
        shape = shapes.coverage(shapes.rounded(width, height, height / 2))
        x = np.arange(width) / width
        ink = np.where((x > 0.93)[:, None], shapes.rgb(c.danger), shapes.rgb(c.good))
        self._off = shapes.painted(ground, (shape, c.raised))
        lit = self._off + shape[..., None] * (ink[None] - self._off)
        muted = shapes.painted(ground, (shape, c.line))
        self._lit = {False: np.rint(lit).astype(np.uint8), True: muted}
        self._image = tk.PhotoImage(data=shapes.ppm(self._off))
        self.create_image(0, 0, image=self._image, anchor="nw")
        self._shown = (0, False)

    def show(self, share: float, muted: bool) -> None:
        """share: 0 to 1."""
        end = round(share * self._off.shape[1])
        if (end, muted) != self._shown:
            self._shown = (end, muted)
            image = self._off.copy()
            image[:, :end] = self._lit[muted][:, :end]
            self._image.configure(data=shapes.ppm(image))


class Thumbnail(Control):
    """A face to put on. state: "ready", "loading", "worn" or "failed"."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, ground: str, side: int, command: Callable[[], None]
    ) -> None:
        super().__init__(parent, theme, side, side, ground)
        self.picture: NDArray[np.uint8] | None = None
        self._state = "loading"
        self.command = command
        for event in ("<ButtonRelease-1>", "<space>", "<Return>"):
            self.bind(event, lambda _: self.press())
        self.draw()

    def press(self) -> None:
        self.focus_set()
        self.command()

    def show(self, picture: NDArray[np.uint8] | None, state: str) -> None:
        """picture: ``[side, side, 3]`` RGB, or None as long as there is none."""
        if state != self._state or (picture is None) != (self.picture is None):
            self.picture, self._state = picture, state
            self.draw()

    def draw(self) -> None:
        c, theme, side = self.theme.colours, self.theme, self.wide
        shape = shapes.rounded(side, side, theme.px(10), theme.px(3))
        covered = shapes.coverage(shape)[..., None]
        ground = shapes.painted(self.ground, size=(side, side)).astype(np.float32)
        inside = (
            shapes.painted(c.raised, size=(side, side)) if self.picture is None else self.picture
        )
        light = {"loading": 0.45, "failed": 0.3}.get(self._state, 1.0)
        shown = ground + covered * light * (inside - ground)
        image = np.rint(shown).astype(np.uint8)
        if self._state == "failed":
            low, high = 0.38 * side, 0.62 * side
            cross = np.minimum(
                shapes.capsule(side, side, (low, low), (high, high), theme.px(2.5)),
                shapes.capsule(side, side, (high, low), (low, high), theme.px(2.5)),
            )
            image = shapes.painted(image, (shapes.coverage(cross), c.danger))
        edge = c.accent if self._state == "worn" else c.soft if self.hovered else None
        edge = c.ink if self.focused else edge
        if edge:
            ring = shapes.outline(shapes.rounded(side, side, theme.px(12)), theme.px(2))
            image = shapes.painted(image, (shapes.coverage(ring), edge))
        self.put("face", image)


def _shortened(words: str, theme: Theme, room: int) -> str:
    if theme.text.measure(words) <= room:
        return words
    while words and theme.text.measure(words + "…") > room:
        words = words[:-1]
    return words + "…"
