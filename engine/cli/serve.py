"""``engine serve``: the page where a face talks along with a microphone."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.cli import terminal
from engine.cli.control import Brow, Expression, Head, Smile
from engine.cli.device import On
from engine.errors import BadInput
from engine.gpu import Device

__all__ = ["LogFormat", "LogLevel", "serve"]


class LogFormat(StrEnum):
    """text: for people. json: one object a line, for programs."""

    text = "text"
    json = "json"


class LogLevel(StrEnum):
    """What is worth a line."""

    info = "info"
    warning = "warning"
    error = "error"


def serve(
    avatar: Annotated[
        list[str] | None,
        typer.Option(
            metavar="AVATAR", help="Name or file, repeatable; all built-in ones by default."
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 for everywhere.")
    ] = "localhost",
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, metavar="NUMBER", help="Of the page; 0 for any that is free."
        ),
    ] = 8080,
    max_sessions: Annotated[
        str,
        typer.Option(metavar="NUMBER", help="Live at a time; auto for what the machine carries."),
    ] = "auto",
    token: Annotated[
        str | None,
        typer.Option(envvar="AVATAR_TOKEN", metavar="TEXT", help="Asked of every request."),
    ] = None,
    open_to_all: Annotated[
        bool, typer.Option("--open-to-all", help="Listen beyond this machine without a token.")
    ] = False,
    public_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="How browsers reach it through a proxy on this machine."),
    ] = None,
    tls: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="CERT KEY", help="Serve https with these PEM files."),
    ] = None,
    media_address: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS", help="Of this machine, for media, repeatable; all by default."
        ),
    ] = None,
    ice_server: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="stun:HOST:PORT or turn:HOST:PORT, repeatable."),
    ] = None,
    ice_username: Annotated[
        str | None, typer.Option(metavar="TEXT", help="For the TURN server.")
    ] = None,
    ice_credential: Annotated[
        str | None,
        typer.Option(metavar="TEXT", envvar="AVATAR_ICE_CREDENTIAL", help="For the TURN server."),
    ] = None,
    turn_secret: Annotated[
        str | None,
        typer.Option(
            envvar="AVATAR_TURN_SECRET",
            metavar="TEXT",
            help="Shared with TURN instead of a password.",
        ),
    ] = None,
    mark: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help='Text in the corner of every picture: "AI generated".'),
    ] = None,
    expression: Expression = 1.0,
    head: Head = 1.0,
    smile: Smile = 0.0,
    brow: Brow = 0.0,
    device: On = Device.auto,
    log_format: Annotated[LogFormat, typer.Option(help="For people or for programs.")] = (
        LogFormat.text
    ),
    log_level: Annotated[LogLevel, typer.Option(help="info tells of each session.")] = (
        LogLevel.warning
    ),
) -> None:
    """Serve the page where a face talks along with your microphone.

    Needs a browser on this machine. For browsers elsewhere: https, a token, and UDP that passes
    (docs/deploy.md).

    Gives a page at http://localhost:8080 until Ctrl-C: choose a face, allow the microphone, talk.
    With the extra `photo` faces can be made there as well. Faces begin as --smile and the like say;
    the page steers them from there (docs/control.md).

    \b
    Examples:
      engine serve
      engine serve --avatar me.avatar --avatar amara --port 9000
      AVATAR_TOKEN=SECRET engine serve --host 0.0.0.0 --tls cert.pem key.pem
    """
    from engine.control import Control
    from server.app import Settings
    from server.app import serve as run_server
    from server.ice import IceServers
    from server.logs import configure

    if max_sessions != "auto" and not (max_sessions.isdecimal() and int(max_sessions)):
        raise BadInput(f"got --max-sessions {max_sessions}, expected auto or a number from 1 on")
    configure(log_format.value, log_level.value)
    settings = Settings(
        host=host,
        port=port,
        max_sessions=None if max_sessions == "auto" else int(max_sessions),
        token=token,
        open_to_all=open_to_all,
        public_url=public_url,
        ice_servers=IceServers(tuple(ice_server or ()), ice_username, ice_credential, turn_secret),
        media=tuple(media_address or ()),
        certificate=tls,
        mark=mark,
        device=device,
        control=Control(expression=expression, head=head, smile=smile, brow=brow),
    )
    run_server(
        avatar or [],
        settings,
        lambda address: terminal.out.print(f"Ready: {address}", soft_wrap=True),
        on_device=lambda line: terminal.err.print(line, soft_wrap=True),
    )
