"""The program ``engine``: its commands in the order in which one meets them, and how it ends.

The one place of the engine that knows of server and export; each is imported by the command that
needs it.
"""

from __future__ import annotations

from importlib import metadata
from typing import Annotated

import typer

from engine.cli.bench import bench
from engine.cli.doctor import doctor
from engine.cli.export import export
from engine.cli.info import info
from engine.cli.preview import preview
from engine.cli.render import render
from engine.cli.serve import serve
from engine.cli.terminal import err, out
from engine.errors import AvatarEngineError

__all__ = ["app", "main"]

_HELP = """One photo and a microphone become a live talking face.

\b
  engine serve                           the page: choose a face, allow the microphone, talk
  engine export --identity me.jpg        your own face, as me.avatar
  engine serve --avatar me.avatar        the page with it
  engine preview --avatar me.avatar      a window of its own, and a camera for calls
  engine doctor                          what can run here, what is missing

Each command says with --help what it needs and gives, with examples.
"""
app = typer.Typer(
    help=_HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (serve, preview, export, render, info, bench, doctor):
    app.command()(command)


def _say_version(wanted: bool) -> None:
    if wanted:
        out.print(f"avatar-engine {metadata.version('avatar-engine')}")
        raise typer.Exit


@app.callback()
def _engine(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Say which.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point. Bad input ends with exit code 2 and one message, never with a traceback."""
    try:
        app(prog_name="engine")
    except AvatarEngineError as error:
        err.print(f"error: {error}", soft_wrap=True)
        raise SystemExit(2) from None
    except ImportError as error:
        if ".so" not in str(error):
            raise  # not a library of the system's: a defect of ours
        err.print(f"error: {error}: see `engine doctor`", soft_wrap=True)
        raise SystemExit(2) from None
