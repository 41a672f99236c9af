"""The photo guide shows what the command says, for each of its examples."""

from __future__ import annotations

import re

import pytest

from engine.errors import BadPhoto
from tests.docs.pages import ROOT
from tests.photos import builtin

pytestmark = pytest.mark.export

# Said by later steps of an export, which take seconds; looked at for the first of them only.
LATER = ("tight around the face", "small in the photo", "the quick avatar's mouth")
GUIDE = (ROOT / "docs" / "photos.md").read_text(encoding="utf-8")
ROWS = GUIDE.partition("<!-- notes -->")[2].partition("<!-- end of notes -->")[0]
TOLD = dict(re.findall(r"^\| ([a-z ]+) \| (.+) \|$", ROWS, re.M))


def test_the_guide_has_every_example() -> None:
    from tests.docs.photo_guide import EXAMPLES

    assert list(TOLD) == ["photo", *EXAMPLES], "run `python -m tests.docs.photo_guide`"


def test_what_the_guide_says_is_what_the_command_says() -> None:
    """The whole table by the part of an export that looks at the photo."""
    from export.photo import find_face
    from tests.docs.photo_guide import EXAMPLES, REFUSED

    for label, make in EXAMPLES.items():
        try:
            portrait = find_face(make())
            said = [*portrait.notes, *portrait.quality.notes()]
        except BadPhoto as refusal:
            said = [REFUSED + str(refusal)]
        told = [] if TOLD[label] == "nothing" else TOLD[label].split("; ")
        expected = [note for note in told if not any(words in note for words in LATER)]
        assert numberless(said) == numberless(expected), label


def numberless(notes: list[str]) -> str:
    """Degrees and pixels differ by one between machines."""
    return re.sub(r"\d+(\.\d+)?", "N", "; ".join(notes))


def test_the_whole_command_says_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from export.template import Template
    from tests.docs.photo_guide import said

    monkeypatch.setattr(Template, "prove", lambda *args: 0.0)  # says nothing, and takes longest
    assert said(builtin("rafael")[80:420, 90:420]) == (TOLD["tight"],)
