"""``engine preview``: the avatar live in a window, and as a camera for calls."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from engine.cli import terminal
from engine.cli.control import Brow, Expression, Eyes, Gaze, Head, Smile
from engine.cli.device import On
from engine.gpu import Device

__all__ = ["WindowTheme", "preview"]


class WindowTheme(StrEnum):
    """auto: as the system is set."""

    auto = "auto"
    light = "light"
    dark = "dark"


def preview(
    avatar: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="AVATAR", help="Name or file, repeatable; the first is shown. Else built-in."
        ),
    ] = None,
    mic: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="DEVICE", help="Microphone by number or name; the system's by default."
        ),
    ] = None,
    out_device: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="DEVICE", help="Where the delayed voice goes; nowhere by default."),
    ] = None,
    list_devices: Annotated[
        bool, typer.Option("--list-devices", help="Say which sound devices there are, and end.")
    ] = False,
    virtual_camera: Annotated[
        bool, typer.Option("--virtual-camera", help="Be a camera that calls can choose.")
    ] = False,
    camera_device: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="DEVICE", help="Which: /dev/video10, or its name in Windows."),
    ] = None,
    camera_size: Annotated[
        str, typer.Option(metavar="WxH", help="What calls see; the face stands in the middle.")
    ] = "1280x720",
    file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE", help="A sound file in place of the microphone."),
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="No window; the camera alone.")
    ] = False,
    theme: Annotated[WindowTheme, typer.Option(help="Of the window.")] = WindowTheme.auto,
    liveliness: Annotated[
        float, typer.Option(min=0, max=2, metavar="SHARE", help="Blinks and wandering eyes.")
    ] = 1.0,
    expression: Expression = 1.0,
    head: Head = 1.0,
    smile: Smile = 0.0,
    brow: Brow = 0.0,
    eyes: Eyes = 0.0,
    gaze: Gaze = None,
    device: On = Device.auto,
    seed: Annotated[
        int, typer.Option(metavar="NUMBER", help="Another seed blinks at other times.")
    ] = 0,
) -> None:
    """See an avatar live in a window, and be a camera for calls.

    Needs a microphone, and the extra 'preview'. For --virtual-camera the extra 'camera' and a
    driver: v4l2loopback on Linux, OBS on Windows and macOS; docs/virtual_camera.md has each step.

    Gives a window with the face, its controls and a level meter; pictures in a camera that calls
    can choose; and with --out-device your voice, delayed as the picture is.

    \b
    Examples:
      engine preview --avatar amara
      engine preview --list-devices
      engine preview --avatar me.avatar --virtual-camera --out-device "CABLE Input"
      engine preview --file speech.wav --virtual-camera --headless
    """
    from engine.clock import MonotonicClock
    from engine.control import Control
    from engine.preview import app

    if list_devices:
        from engine.preview.devices import PortAudio

        terminal.out.print(app.device_list(PortAudio(MonotonicClock())), soft_wrap=True)
        return
    wanted = camera_device if camera_device is not None else "" if virtual_camera else None
    settings = app.Settings(
        avatars=tuple(avatar or ()),
        microphone=mic,
        output=out_device,
        camera=wanted,
        camera_size=app.size(camera_size),
        file=file,
        headless=headless,
        theme=theme.value,
        seed=seed,
        device=device,
        control=Control(
            expression=expression, liveliness=liveliness, head=head, smile=smile, brow=brow,
            eyes=eyes, gaze=gaze,
        ),
    )  # fmt: skip
    try:
        app.preview(settings, lambda line: terminal.err.print(line, soft_wrap=True))
    except KeyboardInterrupt:
        terminal.err.print("stopped")
