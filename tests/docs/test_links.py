"""Links and pictures of the documentation lead somewhere; nothing is lost or too heavy."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.pages import PAGES, ROOT, Piece, anchors, links, name

LINKS = [link for page in PAGES for link in links(page)]
PICTURES = sorted((ROOT / "docs" / "pictures").iterdir())
MOST_BYTES = 1_200_000


@pytest.mark.parametrize("link", LINKS, ids=lambda link: f"{link}-{link.text}")
def test_a_link_leads_somewhere(link: Piece) -> None:
    address = urlsplit(link.text)
    if address.scheme:
        assert address.scheme in ("http", "https"), "only the web is linked"
        assert address.scheme == "https" or address.hostname == "localhost"
        return  # others' pages are not asked for: tests need no network
    target = (link.page.parent / address.path).resolve() if address.path else link.page
    assert target.exists(), f"{link} leads to {link.text}, which is not there"
    assert target.is_relative_to(ROOT)
    if address.fragment:
        assert address.fragment in anchors(target), f"{link}: {name(target)} has no such heading"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_shown_and_light(picture: Path) -> None:
    shown = {(link.page.parent / link.text).resolve() for link in LINKS}
    assert picture in shown, f"no page shows {name(picture)}: show it or remove it"
    assert picture.stat().st_size < MOST_BYTES


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_picture_says_what_it_shows(page: Path) -> None:
    for alternative in re.findall(r"!\[([^\]]*)\]", page.read_text(encoding="utf-8")):
        assert len(alternative) > 10, "who can not see it reads its alternative text"


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent != ROOT], ids=name)
def test_every_page_is_reached_from_the_first(page: Path) -> None:
    first = {(link.page.parent / link.text).resolve() for link in links(ROOT / "README.md")}
    assert page in first, f"README.md does not link to {name(page)}"
