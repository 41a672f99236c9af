"""``engine serve``: the page where a face talks along with a microphone."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from engine.cli import terminal
from engine.errors import BadInput

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
        Optional[list[str]], typer.Option(help="Name or file; all that are built in by default.")  # noqa: UP045
    ] = None,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "localhost",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8080,
    max_sessions: Annotated[
        str, typer.Option(help="Live at a time; auto for what the machine carries.")
    ] = "auto",
    token: Annotated[
        Optional[str], typer.Option(envvar="AVATAR_TOKEN", help="Asked of every request.")  # noqa: UP045
    ] = None,
    open_to_all: Annotated[
        bool, typer.Option("--open-to-all", help="Listen beyond this machine without a token.")
    ] = False,
    public_url: Annotated[
        Optional[str], typer.Option(help="How browsers reach it through a proxy on this machine.")  # noqa: UP045
    ] = None,
    tls: Annotated[
        Optional[tuple[Path, Path]],  # noqa: UP045
        typer.Option(metavar="CERT KEY", help="Serve https with these PEM files."),
    ] = None,
    media_address: Annotated[
        Optional[list[str]], typer.Option(help="Of this machine, for media; all by default.")  # noqa: UP045
    ] = None,
    ice_server: Annotated[
        Optional[list[str]], typer.Option(help="stun:HOST:PORT or turn:HOST:PORT, repeatable.")  # noqa: UP045
    ] = None,
    ice_username: Annotated[Optional[str], typer.Option(help="For the TURN server.")] = None,  # noqa: UP045
    ice_credential: Annotated[
        Optional[str], typer.Option(envvar="AVATAR_ICE_CREDENTIAL", help="For the TURN server.")  # noqa: UP045
    ] = None,
    turn_secret: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="AVATAR_TURN_SECRET", help="Shared with TURN instead of a password."),
    ] = None,
    mark: Annotated[
        Optional[str], typer.Option(help='Text in the corner of every picture: "AI generated".')  # noqa: UP045
    ] = None,
    log_format: Annotated[LogFormat, typer.Option(help="For people or for programs.")] = (
        LogFormat.text
    ),
    log_level: Annotated[LogLevel, typer.Option(help="info tells of each session.")] = (
        LogLevel.warning
    ),
) -> None:
    """Serve the page where a face talks along with your microphone."""
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
    )
    run_server(
        avatar or [],
        settings,
        lambda address: terminal.out.print(f"Ready: {address}", soft_wrap=True),
    )
