"""What the documentation names within its sentences exists: commands, options, targets, files,
addresses of the server, environment variables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from engine.cli import program
from server.routes import routes
from tests.docs.pages import PAGES, ROOT, Piece, blocks, inline, name
from tests.docs.stand_in import known_make, known_module

# Options of other people's programs that pages speak of.
OF_OTHERS = {
    "--index-url": "pip",
    "--network": "docker",
    "--no-deps": "pip",
    "--force-reinstall": "pip",
    "--data": "pytest, see tests/conftest.py",
}
FOLDERS = ("engine", "export", "server", "training", "client_web", "tests", "docs", ".ci")
COMMANDS = typer.main.get_command(program.app).commands


def options(command: str) -> set[str]:
    return {o for p in COMMANDS[command].params for o in (*p.opts, *p.secondary_opts)} | {"--help"}


OURS = {option for command in COMMANDS for option in options(command)} | {"--version"}
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}


def told(start: str) -> list[Piece]:
    return [p for page in PAGES for p in inline(page) if p.text.startswith(start)]


@pytest.mark.parametrize("piece", told("engine "), ids=str)
def test_commands(piece: Piece) -> None:
    for part in piece.text.split("engine ")[1:]:
        command, *words = part.split()
        assert command in COMMANDS, f"{piece}: there is no `engine {command}`"
        unknown = {w.partition("=")[0] for w in words if w.startswith("--")} - options(command)
        assert not unknown, f"{piece}: `engine {command}` has no {', '.join(sorted(unknown))}"


@pytest.mark.parametrize("piece", told("make "), ids=str)
def test_targets(piece: Piece) -> None:
    known_make([word for word in piece.text.split()[1:] if word != "..."])


@pytest.mark.parametrize("piece", told("python -m "), ids=str)
def test_modules(piece: Piece) -> None:
    known_module(piece.text.split()[1:])


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_options(page: Path) -> None:
    sources = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("training", "tests", "export")
        for path in (ROOT / folder).rglob("*.py")
    )
    prose = " ".join(p.text for p in inline(page) if p.text.startswith("--"))
    for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", prose):
        parameter = rf"\b{option[2:].replace('-', '_')}: [^=\n]+ = typer\.Option"
        known = option in OURS or option in OF_OTHERS or f'"{option}"' in sources
        known = known or re.search(parameter, sources) is not None
        assert known, f"{name(page)} speaks of {option}, which nothing has"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files(page: Path) -> None:
    for piece in inline(page):
        if piece.text.split("/")[0] in FOLDERS and re.fullmatch(r"[\w./*-]+", piece.text):
            assert list(ROOT.glob(piece.text.rstrip("/"))), f"{piece}: there is no {piece.text}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_variables(page: Path) -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (
            *(ROOT / "engine").rglob("*.py"),
            *(ROOT / "server").rglob("*.py"),
            ROOT / "Makefile",
        )
    )
    for variable in set(re.findall(r"\bAVATAR_[A-Z_]+", TEXT[page])):
        assert variable in code, f"{name(page)} speaks of {variable}, which nothing reads"


def test_addresses_of_the_server() -> None:
    known = {
        (route.method, re.sub(r"\{\w+\}", "*", route.path))
        for route in routes(ROOT / "client_web")
        if hasattr(route, "method")
    }
    for page in PAGES:
        for piece in inline(page):
            match = re.fullmatch(r"(GET|POST|PUT|PATCH|DELETE) (/[\w/.-]*)(\?\S*)?", piece.text)
            if match is None:
                continue
            path = "/".join("*" if part.isupper() else part for part in match[2].split("/"))
            assert (match[1], path) in known, f"{piece}: the server has no {piece.text}"


def test_blocks_speak_of_options_that_exist() -> None:
    """Also in blocks that are not run: configuration of other programs that calls ours."""
    for page in PAGES:
        for block in blocks(page):
            for line in block.text.splitlines():
                if block.language != "sh" and "engine serve" in line:
                    words = line.split("engine serve", 1)[1].split()
                    unknown = {w for w in words if w.startswith("--")} - options("serve")
                    assert not unknown, f"{block}: `engine serve` has no {unknown}"
