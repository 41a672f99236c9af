"""``engine info``: who an avatar is, and what it costs to run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from engine.cli import terminal

if TYPE_CHECKING:
    from engine.avatar import Avatar

__all__ = ["info"]

_QUALITY = {
    "fast": "fast: the released generator, not tuned to this face",
    "best": "best: tuned to this face",
}


def info(
    avatar: Annotated[
        str, typer.Argument(metavar="AVATAR", help="A built-in avatar's name, or a file.")
    ],
) -> None:
    """Say who an avatar is, and what it costs to run.

    Needs a built-in avatar's name or a file.

    Gives a table, or one line with exit code 2 when the file was damaged or altered.

    \b
    Examples:
      engine info amara
      engine info me.avatar
    """
    from engine.avatar import Avatar, find_avatar

    path = find_avatar(avatar)
    table = Table(show_header=False, box=None)
    for label, value in _rows(path, Avatar.load(path)):
        table.add_row(label, value)
    terminal.out.print(table)


def _rows(path: Path, avatar: Avatar) -> list[tuple[str, str]]:
    from engine.avatar import PARTS
    from engine.bench import frame_milliseconds

    manifest = avatar.manifest
    generator: Mapping[str, Any] = manifest["generator"]
    quality = str(generator.get("quality", "not said"))
    each = frame_milliseconds(avatar)
    rows = [
        ("name", f"{avatar.title} ({avatar.name})"),
        ("file", f"{path.name}, {path.stat().st_size / 1e6:.1f} MB"),
        ("checked", f"all {len(PARTS)} parts are as they were made (sha256)"),
        ("picture", f"{avatar.width} x {avatar.height}, {manifest.get('fps')} frames a second"),
        ("quality", _QUALITY.get(quality, quality)),
        ("lips", _lips(generator.get("measured"))),
        ("here", f"{each:.0f} ms of one core for a frame now, 40 ms are there"),
        ("face from", str(manifest.get("source"))),
        ("licence", str(manifest.get("licence"))),
        ("rights", str(manifest.get("rights"))),
        (
            "generator",
            ", ".join(
                f"{key} {value}"
                for key, value in generator.items()
                if key not in ("quality", "measured")
            ),
        ),
        ("made with", ", ".join(f"{k} {v}" for k, v in manifest["made_with"].items())),
    ]
    return [(label, value) for label, value in rows if value]


def _lips(measured: object) -> str:
    """What an avatar from a video was measured to do on the end of it, which it never saw."""
    if not isinstance(measured, Mapping):
        return ""
    try:
        drawn, still = (float(measured[who]["lmd"]) for who in ("avatar", "still"))
        frames = int(measured["held_out_frames"])
    except (KeyError, TypeError, ValueError):
        return ""
    return f"{drawn:.1f} px off on {frames} frames that it never saw; a still photo's {still:.1f}"
