"""The preview's window: the face, how it is heard, and what steers it.

Tk, because it comes with Python: no further wheel, no licence to think about, and a picture of 512
by 512 costs it a few milliseconds. The window only asks: everything that has to be on time
happens in threads of ``Show``, and a window that is slow shows fewer pictures.
"""

from __future__ import annotations

import ctypes
import sys
import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any

from engine.control import NEUTRAL, RANGES
from engine.errors import BadDevice
from engine.preview import icons, shapes
from engine.preview.devices import Device, SoundCards
from engine.preview.performer import Picture
from engine.preview.sheet import GAP, card, label
from engine.preview.show import Show, Status
from engine.preview.sliders import GazePad, Slider
from engine.preview.stage import Stage
from engine.preview.theme import Theme, ThemeName, palette
from engine.preview.widgets import Button, Choice, Meter, Thumbnail

__all__ = ["Window", "opened"]

_LOOK_MS = 8  # how often the window looks whether there is a new picture
_LOOKS = 12  # of those, until it looks for other news as well
_PICTURE = 512
_COLUMN = 288
_AROUND = 240  # design pixels above and below the picture
_SLIDERS = {
    "expression": "Expression",
    "head": "Head motion",
    "smile": "Smile",
    "brow": "Brow",
    "eyes": "Eyes",
    "liveliness": "Liveliness",
}


def opened() -> tk.Tk:
    """An empty window. Raises BadDevice where there is no display."""
    if sys.platform == "win32":  # else Windows blows a blurred window up on fine screens
        ctypes.windll.shcore.SetProcessDpiAwareness(1)
    try:
        return tk.Tk(className="Avatar Engine")
    except tk.TclError as error:
        raise BadDevice(
            f"no window can be opened ({error}), expected a desktop: run it there, or with "
            "--headless and --virtual-camera"
        ) from error


class Window:
    """Shows a ``Show`` until it is closed.

    cards: to choose from; None where there are none.
    source: what is heard in place of a microphone, a file's name.
    """

    def __init__(
        self,
        root: tk.Tk,
        show: Show,
        cards: SoundCards | None,
        theme: ThemeName = "auto",
        source: str = "",
    ) -> None:
        self._root, self._show, self._cards, self._source = root, show, cards, source
        self.theme = Theme(root, palette(theme))
        self._error: BaseException | None = None
        self._shown: Picture | None = None
        self._status: Status | None = None
        self._looks = 0
        root.title("Avatar Engine")
        root.configure(background=self.theme.colours.ground)
        root.resizable(False, False)
        c = self.theme.colours
        self._icon = tk.PhotoImage(data=shapes.ppm(icons.application(64, c.accent, c.on_accent)))
        root.iconphoto(True, self._icon)
        room = root.winfo_screenheight() / self.theme.scale - _AROUND
        self._side = self.theme.px(min(_PICTURE, max(room, 320)))
        self._thumbnails: dict[str, Thumbnail] = {}
        self._sliders: dict[str, Slider] = {}
        self._build()
        self._stand_where_asked()
        self._bind_keys()
        root.protocol("WM_DELETE_WINDOW", root.quit)
        root.report_callback_exception = self._failed

    def run(self) -> None:
        """Until the window is closed. What went wrong in it is raised here, Ctrl-C as well."""
        self._root.after(0, self._look)
        self._root.mainloop()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self._root.destroy()

    def refresh(self) -> None:
        """Show what is new: each picture, and now and then the rest where no picture comes."""
        picture = self._show.picture
        self._looks += 1
        if picture is self._shown and self._looks % _LOOKS:
            return
        status, before = self._show.status(), self._status
        changed = before is None or before.still != status.still
        self._status = status
        self._draw_figures(status)
        if changed:
            self._draw_status(status)
        if picture is not None and (changed or picture is not self._shown):
            self._shown = picture
            self._stage.draw(picture.image)

    def _look(self) -> None:
        self._root.after(_LOOK_MS, self._look)
        self.refresh()

    def _failed(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self._error = error
        self._root.quit()

    # -- building ---------------------------------------------------------------------------------

    def _build(self) -> None:
        c, px, root = self.theme.colours, self.theme.px, self._root
        top = tk.Frame(root, background=c.ground)
        top.grid(row=0, column=0, columnspan=2, sticky="ew", padx=px(20), pady=(px(12), px(8)))
        label(top, "Avatar Engine", self.theme.title, c.ink, c.ground).pack(side="left")
        self._camera = label(top, "", self.theme.small, c.soft, c.ground)
        self._camera.pack(side="right")
        left = tk.Frame(root, background=c.ground)
        left.grid(row=1, column=0, sticky="n", padx=(px(16), px(GAP)))
        right = tk.Frame(root, background=c.ground)
        right.grid(row=1, column=1, sticky="n", padx=(0, px(16)))
        self._build_stage(card(left, self.theme))
        self._build_faces(card(right, self.theme, "Face"))
        self._build_control(card(right, self.theme, "Control"))
        keys = f"M  mute     B  blink     R  reset     1 to {min(9, len(self._thumbnails))}  face"
        legend = label(root, keys, self.theme.small, c.soft, c.ground)
        legend.grid(row=2, column=0, columnspan=2, pady=(px(4), px(12)))

    def _build_stage(self, sheet: tk.Frame) -> None:
        c, px = self.theme.colours, self.theme.px
        side = self._side
        self._stage = Stage(sheet, self.theme, side)
        self._stage.grid(row=0, column=0, columnspan=2)
        self._mute = Button(
            sheet, self.theme, c.sheet, "Mute", self.toggle_mute, icons.microphone, width=px(118)
        )
        self._mute.grid(row=1, column=0, pady=(px(12), 0), sticky="w")
        self._meter = Meter(sheet, self.theme, c.sheet, side - px(118 + 18))
        self._meter.grid(row=1, column=1, pady=(px(12), 0), sticky="e")
        below = tk.Frame(sheet, background=c.sheet)
        below.grid(row=2, column=0, columnspan=2, sticky="ew", pady=(px(12), 0))
        width = (side - px(16)) // 2
        self._microphone = Choice(below, self.theme, c.sheet, width, self._microphones)
        self._output = Choice(below, self.theme, c.sheet, width, self._outputs)
        for column, (words, choice) in enumerate(
            (("Microphone", self._microphone), ("Your voice goes to", self._output))
        ):
            apart = (px(16) * column, 0)
            label(below, words, self.theme.small, c.soft, c.sheet).grid(
                row=0, column=column, sticky="w", padx=apart
            )
            choice.grid(row=1, column=column, padx=apart, pady=(px(3), 0))

    def _build_faces(self, sheet: tk.Frame) -> None:
        c, px = self.theme.colours, self.theme.px
        side = px(_COLUMN // 4 - 6)
        for k, name in enumerate(self._show.wardrobe.names):
            face = Thumbnail(sheet, self.theme, c.sheet, side, partial(self._show.wear, name))
            face.grid(row=k // 4, column=k % 4, padx=px(3), pady=px(3))
            self._thumbnails[name] = face
        self._title = label(sheet, "", self.theme.small, c.soft, c.sheet)
        self._title.grid(row=99, column=0, columnspan=4, sticky="w", padx=px(3), pady=(px(4), 0))

    def _build_control(self, sheet: tk.Frame) -> None:
        c, px = self.theme.colours, self.theme.px
        width = px((_COLUMN - 16) / 2)
        for k, (name, words) in enumerate(_SLIDERS.items()):
            slider = Slider(
                sheet, self.theme, c.sheet, width, words, RANGES[name], getattr(NEUTRAL, name),
                partial(self._steer, name),
            )  # fmt: skip
            slider.grid(row=k // 2, column=k % 2, padx=(0, px(16)) if k % 2 == 0 else 0, pady=px(2))
            self._sliders[name] = slider
        below = tk.Frame(sheet, background=c.sheet)
        below.grid(row=9, column=0, columnspan=2, sticky="ew", pady=(px(8), 0))
        label(below, "Gaze", self.theme.small, c.ink, c.sheet).grid(
            row=0, column=0, sticky="w", padx=px(2), pady=(0, px(4))
        )
        self._gaze = GazePad(
            below, self.theme, c.sheet, width, px(112), lambda value: self._steer("gaze", value)
        )
        self._gaze.grid(row=1, column=0, rowspan=2, padx=(0, px(16)))
        for row, (words, command) in enumerate(
            (("Blink", self._show.blink), ("Reset", self.reset)), 1
        ):
            button = Button(below, self.theme, c.sheet, words, command, width=width)
            button.grid(row=row, column=1, sticky="n" if row == 1 else "s")

    # -- what a user does -------------------------------------------------------------------------

    def toggle_mute(self) -> None:
        self._show.mute(not self._show.status().muted)

    def reset(self) -> None:
        """Steer nothing any more."""
        self._show.steer(replace(NEUTRAL, blinks=self._show.control.blinks))
        self._stand_where_asked()

    def _stand_where_asked(self) -> None:
        for name, slider in self._sliders.items():
            slider.show(getattr(self._show.control, name))
        self._gaze.show(self._show.control.gaze)

    def _steer(self, name: str, value: Any) -> None:
        self._show.steer(replace(self._show.control, **{name: value}))

    def _bind_keys(self) -> None:
        commands: dict[str, Callable[[], None]] = {
            "m": self.toggle_mute, "b": self._show.blink, "r": self.reset,
        }  # fmt: skip
        for k, name in enumerate(self._show.wardrobe.names[:9], 1):
            commands[str(k)] = partial(self._show.wear, name)
        for key, command in commands.items():
            for cased in {key, key.upper()}:
                self._root.bind(f"<Key-{cased}>", partial(_called, command))
        for key in ("<Control-w>", "<Control-q>"):
            self._root.bind(key, lambda _: self._root.quit())

    def _microphones(self) -> Sequence[tuple[str, Callable[[], None]]]:
        return self._devices("microphone", self._cards.inputs() if self._cards else [])

    def _outputs(self) -> Sequence[tuple[str, Callable[[], None]]]:
        nowhere = ("Nowhere", lambda: self._show.sound.wish("output", None))
        there = self._cards.outputs() if self._cards else []
        return [nowhere, *self._devices("output", there)]

    def _devices(
        self, kind: str, devices: Sequence[Device]
    ) -> list[tuple[str, Callable[[], None]]]:
        sound = self._show.sound
        entries: list[tuple[str, Callable[[], None]]] = [
            (d.name, partial(sound.wish, kind, d)) for d in devices
        ]
        return [*entries, ("", sound.look_again), ("Search again", sound.look_again)]

    # -- what it shows ----------------------------------------------------------------------------

    def _draw_figures(self, status: Status) -> None:
        self._meter.show(status.level, status.muted)
        figures = f"{status.fps:.0f} fps    {status.delay_ms:.0f} ms"
        self._stage.show_figures(figures)
        for name, face in self._thumbnails.items():
            self._draw_face(name, face, status)

    def _draw_status(self, status: Status) -> None:
        c = self.theme.colours
        trouble = status.trouble[:1].upper() + status.trouble[1:]
        self._stage.show_hint(trouble or self._hint_of(status), bool(trouble))
        self._mute.show(
            "Unmute" if status.muted else "Mute",
            status.muted,
            icons.microphone_off if status.muted else icons.microphone,
        )
        self._microphone.show(self._source or status.microphone or "None", enabled=not self._source)
        self._output.show(status.output or "Nowhere")
        self._camera.configure(
            text=f"●  On camera: {status.camera}" if status.camera else "No virtual camera",
            foreground=c.good if status.camera else c.soft,
        )
        worn = self._show.wardrobe.ready.get(status.avatar)
        self._title.configure(text=worn.avatar.title if worn else status.avatar)

    def _draw_face(self, name: str, face: Thumbnail, status: Status) -> None:
        loaded = self._show.wardrobe.ready.get(name)
        if name in self._show.wardrobe.failed:
            face.show(None, "failed")
        elif loaded is None or name == status.loading:
            face.show(None, "loading")
        else:
            picture = face.picture
            if picture is None:
                picture = shapes.thumbnail(loaded.avatar.thumbnail_jpg, face.wide)
            face.show(picture, "worn" if name == status.avatar else "ready")

    def _hint_of(self, status: Status) -> str:
        if status.failed:
            return "Something failed: the terminal says what"
        if status.loading:
            return f"Loading {status.loading} …"
        if status.muted:
            return "Muted"
        if status.ended:
            return "The file has ended"
        if not (self._source or status.microphone):
            return "No microphone: choose one on the right"
        return ""


def _called(command: Callable[[], None], event: object) -> None:
    command()
