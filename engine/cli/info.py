"""``engine info``: what a bundle holds."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from engine.cli import terminal

__all__ = ["info"]


def info(
    avatar: Annotated[str, typer.Argument(help="A built-in avatar's name, or a file.")],
) -> None:
    """Show what a bundle holds."""
    from engine.avatar import Avatar, find_avatar

    path = find_avatar(avatar)
    loaded = Avatar.load(path)
    table = Table(show_header=False, box=None)
    manifest = loaded.manifest
    for label, value in (
        ("name", loaded.name),
        ("title", loaded.title),
        ("file", f"{path.name}, {path.stat().st_size / 1e6:.1f} MB, every hash verified"),
        ("frame", f"{loaded.width} x {loaded.height}, {manifest.get('fps')} fps"),
        ("generator", ", ".join(f"{k} {v}" for k, v in manifest.get("generator", {}).items())),
        ("source", manifest.get("source")),
        ("licence", manifest.get("licence")),
        ("rights", manifest.get("rights")),
        ("made with", ", ".join(f"{k} {v}" for k, v in manifest.get("made_with", {}).items())),
    ):
        table.add_row(label, str(value))
    terminal.out.print(table)
