"""What a call of the program comes back with, and what a good refusal looks like."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import typer

from engine.cli import program

__all__ = ["Run", "parse", "refused"]

Run = Callable[..., tuple[int, str, str]]


def refused(ran: tuple[int, str, str], *says: str) -> None:
    """Exit code 2 and one line: what was got, what was expected, what to do."""
    code, out, err = ran
    assert code == 2, err
    assert out == ""
    assert err.startswith("error: ")
    assert "expected" in err
    assert "Traceback" not in err
    for words in says:
        assert words in err


def parse(line: str) -> str:
    """Parse a shell line ``engine COMMAND ...`` without running it; returns the command's name.

    Variables set before it are passed over. Raises what the program would end with.
    """
    words = shlex.split(line, comments=True)
    while "=" in words[0]:
        words.pop(0)
    assert words.pop(0) == "engine", line
    group = typer.main.get_command(program.app)
    name, *rest = words or ["--help"]
    if name in group.commands:
        group.commands[name].make_context(f"engine {name}", rest)
    else:
        assert words in ([], ["--help"], ["--version"]), f"there is no command like: {line}"
    return name
