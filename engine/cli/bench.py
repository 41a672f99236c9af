"""``engine bench``: what a stream costs on this machine."""

from __future__ import annotations

from typing import Annotated, Optional

import typer
from rich.table import Table

from engine.cli import terminal

__all__ = ["bench"]


def bench(
    avatar: Annotated[
        Optional[str], typer.Option(help="Name or file; the first built-in one by default.")  # noqa: UP045
    ] = None,
    frames: Annotated[int, typer.Option(min=10, help="Frames to measure over.")] = 200,
) -> None:
    """Measure every stage of the pipeline on one core."""
    from engine.avatar import Avatar, builtin_avatars, find_avatar
    from engine.bench import measure

    chosen = avatar or next(iter(builtin_avatars()), "")
    rows = measure(Avatar.load(find_avatar(chosen)), frames)
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
