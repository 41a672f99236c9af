"""The pages of the documentation, taken apart: blocks of code, code in a line, links, headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGES", "ROOT", "Block", "Piece", "anchors", "blocks", "inline", "links", "name"]

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^```(?P<language>.*)\n(?P<text>(?:.*\n)*?)^```$", re.M)
_INLINE = re.compile(r"(`+)(?P<text>.+?)\1", re.S)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Piece:
    """Something that stands in a page, at a line counted from 1."""

    page: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{name(self.page)}:{self.line}"


@dataclass(frozen=True)
class Block(Piece):
    """A fenced block. language: empty where none is given."""

    language: str = ""


def name(page: Path) -> str:
    """For people: relative to the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page; ``line`` is that of their first line."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, _line(text, match.start()) + 1, match["text"], match["language"])
        for match in _FENCE.finditer(text)
    ]


def inline(page: Path) -> list[Piece]:
    """All code in a line, white space evened out."""
    text = _prose(page)
    return [
        Piece(page, _line(text, match.start()), " ".join(match["text"].split()))
        for match in _INLINE.finditer(text)
    ]


def links(page: Path) -> list[Piece]:
    """The targets of all links and pictures."""
    text = _prose(page)
    return [Piece(page, _line(text, m.start()), m["target"]) for m in _LINK.finditer(text)]


def anchors(page: Path) -> set[str]:
    """What can follow ``#`` in a link to this page, as GitHub makes it from headings."""
    heads = re.findall(r"^#+ (.+)$", _prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def _prose(page: Path) -> str:
    """The page with its fenced and indented blocks blanked out, lines where they were."""
    text = page.read_text(encoding="utf-8")
    text = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    return re.sub(r"(?<=\n\n)((?: {4}.*)?\n)+", lambda match: "\n" * match[0].count("\n"), text)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
