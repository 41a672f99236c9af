"""``engine render``: a sound file and an avatar become a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli import terminal
from engine.cli.control import Brow, Expression, Eyes, Gaze, Head, Smile
from engine.cli.device import On
from engine.cli.terminal import ProgressStyle
from engine.gpu import Device

__all__ = ["render"]


def render(
    avatar: Annotated[
        str, typer.Option(metavar="AVATAR", help="A built-in avatar's name, or a file.")
    ],
    audio: Annotated[Path, typer.Option(metavar="FILE", help="Speech: wav, mp3, ogg, m4a ...")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The mp4 to write.")],
    liveliness: Annotated[
        float, typer.Option(min=0, max=2, metavar="SHARE", help="Blinks, gaze, sway.")
    ] = 1.0,
    expression: Expression = 1.0,
    head: Head = 1.0,
    smile: Smile = 0.0,
    brow: Brow = 0.0,
    eyes: Eyes = 0.0,
    gaze: Gaze = None,
    seed: Annotated[
        int, typer.Option(metavar="NUMBER", help="Another seed blinks at other times.")
    ] = 0,
    device: On = Device.auto,
    progress: Annotated[ProgressStyle, typer.Option(help="How to report.")] = ProgressStyle.bar,
) -> None:
    """Let an avatar speak a sound file.

    Needs an avatar, and speech in any format that FFmpeg reads, of any length.

    Gives an mp4: H.264 and AAC, 25 frames a second.

    \b
    Examples:
      engine render --avatar amara --audio speech.wav --out amara.mp4
      engine render --avatar me.avatar --audio speech.mp3 --out me.mp4 --liveliness 0.5
      engine render --avatar mei --audio speech.wav --out mei.mp4 --smile 0.4 --gaze 0.2 0
    """
    from engine.avatar import Avatar, find_avatar
    from engine.control import Control
    from engine.devices import drawing_on
    from engine.pipeline import Pipeline
    from engine.render import render as render_file
    from engine.render import sound_seconds
    from engine.speech import SpeechModel

    control = Control(
        expression=expression, head=head, smile=smile, brow=brow, eyes=eyes, gaze=gaze
    )
    face = Avatar.load(find_avatar(avatar))
    drawn = drawing_on(face, device)
    pipeline = Pipeline(face, SpeechModel.load(), liveliness, drawing=drawn.drawing)
    seconds = sound_seconds(audio)
    with terminal.progress(progress) as report:
        frames = render_file(
            pipeline,
            audio,
            out,
            seed=seed,
            control=control,
            progress=lambda done: report("rendering", min(done / seconds, 1.0) if seconds else 0.0),
        )
    if progress is not ProgressStyle.json:
        terminal.err.print(drawn.line, soft_wrap=True)
        terminal.out.print(f"{out} ({frames} frames)", soft_wrap=True)
