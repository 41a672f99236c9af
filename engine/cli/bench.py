"""``engine bench``: what a stream costs on this machine."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from engine.cli import terminal
from engine.cli.device import On
from engine.gpu import Device

__all__ = ["bench"]


def bench(
    avatar: Annotated[
        str | None,
        typer.Option(metavar="AVATAR", help="Name or file; the first built-in one by default."),
    ] = None,
    frames: Annotated[
        int, typer.Option(min=10, metavar="NUMBER", help="Frames to measure over.")
    ] = 200,
    device: On = Device.auto,
) -> None:
    """Measure every stage of the pipeline, and a GPU if asked to.

    Needs some ten seconds in which the machine is otherwise quiet.

    Gives a table: at 25 frames a second a live face has 40 ms for each.

    \b
    Examples:
      engine bench
      engine bench --avatar me.avatar --frames 500
    """
    from engine.avatar import Avatar, builtin_avatars, find_avatar
    from engine.bench import measure
    from engine.devices import drawing_on

    chosen = avatar or next(iter(builtin_avatars()), "")
    face = Avatar.load(find_avatar(chosen))
    drawn = drawing_on(face, device)
    terminal.err.print(drawn.line, soft_wrap=True)
    rows = measure(face, frames, drawn.drawing)
    table = Table("stage", "median ms", "p95 ms", "CPU ms", "% of a core at 25 fps")
    for row in rows:
        table.add_row(
            row.stage,
            f"{row.median:.2f}",
            f"{row.p95:.2f}",
            f"{row.cpu:.2f}",
            f"{row.cpu * 2.5:.0f}",
        )
    terminal.out.print(table)
