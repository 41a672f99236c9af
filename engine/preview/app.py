"""``engine preview`` put together: devices, avatars, and a window or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import cv2

from engine.clock import Clock, MonotonicClock
from engine.control import NEUTRAL, Control
from engine.errors import BadDevice, BadInput, MissingExtra
from engine.gpu import Device
from engine.preview.camera import Camera, VirtualCamera
from engine.preview.devices import PortAudio, SoundCards, chosen, default
from engine.preview.show import Show, Status
from engine.preview.theme import ThemeName
from engine.preview.wardrobe import Wardrobe, paths

__all__ = ["Settings", "device_list", "preview", "size"]

_STATUS_S = 1.0
_LAST_PICTURES_S = 0.5  # what the delay still holds when a file has ended


@dataclass(frozen=True)
class Settings:
    """avatars: names or files, the first is shown. microphone, output: number or name; None for
    the system's microphone and for no output. camera: its device, "" for whichever is free, None
    for none. file: in place of a microphone. device: what draws."""

    avatars: Sequence[str] = ()
    microphone: str | None = None
    output: str | None = None
    camera: str | None = None
    camera_size: tuple[int, int] = (1280, 720)
    file: Path | None = None
    headless: bool = False
    theme: ThemeName = "auto"
    seed: int = 0
    control: Control = NEUTRAL
    device: Device = Device.auto


def size(words: str) -> tuple[int, int]:
    """(width, height) of "1280x720". Raises BadInput."""
    width, _, height = words.partition("x")
    if width.isdecimal() and height.isdecimal():
        pair = int(width), int(height)
        if all(64 <= side <= 4096 and side % 2 == 0 for side in pair):
            return pair
    raise BadInput(
        f"got a camera of {words!r}, expected WIDTHxHEIGHT in even numbers of 64 to 4096: 1280x720"
    )


def device_list(cards: SoundCards) -> str:
    """All sound devices with their numbers, as text."""
    lines = []
    for words, there in (("Microphones", cards.inputs()), ("Outputs", cards.outputs())):
        lines.append(f"{words}:")
        lines += [
            f"  {d.index:3}  {d.name}{'  (the system’s choice)' if d.default else ''}"
            for d in there
        ] or ["       none"]
    return "\n".join(lines)


def preview(
    settings: Settings,
    say: Callable[[str], None],
    clock: Clock | None = None,
    cards_of: Callable[[Clock], SoundCards] = PortAudio,
    camera_of: Callable[[int, int, str | None], Camera] = VirtualCamera,
    stop: Event | None = None,
) -> None:
    """Run until the window is closed, Ctrl-C, or without a window the end of the file.

    say: told once a second how it goes, where there is no window. stop: ends it as well.

    Raises BadInput for a device, a display, an avatar or a file that is not there, MissingExtra for
    a library that is not.
    """
    if settings.headless and settings.camera is None and settings.output is None:
        raise BadInput(
            "got --headless without --virtual-camera and without --out-device, expected one: "
            "otherwise nobody would see or hear anything"
        )
    cv2.setNumThreads(1)  # pictures are not split up: threads that wait for each other cost more
    clock = clock or MonotonicClock()
    with ExitStack() as undo:
        wardrobe = Wardrobe(paths(settings.avatars), device=settings.device, say=say)
        cards, trouble = _cards(settings, clock, cards_of)
        root = None
        if not settings.headless:
            from engine.preview.window import Window, opened

            root = opened()
            undo.callback(root.destroy)
        camera = None
        if settings.camera is not None:
            camera = camera_of(*settings.camera_size, settings.camera or None)
            undo.callback(camera.close)
        show = Show(
            wardrobe, clock, cards, camera, settings.file, settings.seed, settings.control, trouble
        )
        undo.callback(show.close)
        _wish(settings, show, cards)
        show.start()
        if root is not None:
            name = settings.file.name if settings.file else ""
            Window(root, show, cards, settings.theme, name).run()
        else:
            _run_headless(show, say, stop or Event())


def _cards(
    settings: Settings, clock: Clock, cards_of: Callable[[Clock], SoundCards]
) -> tuple[SoundCards | None, str]:
    """The sound cards, and what is wrong with them where one can go on without."""
    named = settings.microphone is not None or settings.output is not None
    must = named or (settings.headless and settings.file is None)
    cards = None
    try:
        cards = cards_of(clock)
        if settings.file is None:
            default(cards.inputs(), "microphone")
    except (BadDevice, MissingExtra) as error:
        if must:
            raise
        return cards, "" if settings.file else str(error)
    return cards, ""


def _wish(settings: Settings, show: Show, cards: SoundCards | None) -> None:
    if cards is None:
        return
    inputs = cards.inputs()
    if settings.file is None and inputs:
        wanted = settings.microphone
        device = chosen(inputs, wanted, "microphone") if wanted else default(inputs, "microphone")
        show.sound.wish("microphone", device)
    if settings.output is not None:
        show.sound.wish("output", chosen(cards.outputs(), settings.output, "output"))


def _run_headless(show: Show, say: Callable[[str], None], stop: Event) -> None:
    said = ""
    while not stop.wait(_STATUS_S):
        status = show.status()
        if status.failed:
            raise BadDevice("the preview failed, expected it to run on: its log says why")
        if status.trouble != said:
            said = status.trouble
            say(said or "all is well again")
        say(_line(status))
        if status.ended:
            stop.wait(_LAST_PICTURES_S)
            return


def _line(status: Status) -> str:
    return (
        f"{status.fps:4.1f} fps  {status.delay_ms:3.0f} ms  "
        f"{status.shown} pictures, {status.dropped} dropped"
    )
