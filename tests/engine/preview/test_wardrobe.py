"""Avatars to put on: in order, loaded once, a broken one said."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.avatar import builtin_avatars
from engine.errors import BadBundle, BadInput
from engine.preview.wardrobe import Wardrobe, paths
from engine.speech import SpeechModel
from tests import bundles


def test_what_is_asked_for_comes_first_and_the_built_in_ones_behind(bundle: Path) -> None:
    assert list(paths([])) == list(builtin_avatars())
    assert list(paths(["mei", str(bundle)])) == [
        "mei", "nobody", *(n for n in builtin_avatars() if n != "mei")
    ]  # fmt: skip
    with pytest.raises(BadInput, match="ghost"):
        paths(["ghost"])


def test_each_is_loaded_once_and_a_broken_one_is_said(tmp_path: Path, bundle: Path) -> None:
    broken = bundles.bundle(tmp_path / "broken.avatar", schema=9)
    wardrobe = Wardrobe({"nobody": bundle, "broken": broken}, SpeechModel.load())
    first = wardrobe.load("nobody")
    wardrobe.load_all()
    assert wardrobe.load("nobody") is first
    assert wardrobe.ready == {"nobody": first}
    assert "schema 9" in wardrobe.failed["broken"]
    with pytest.raises(BadBundle):
        wardrobe.load("broken")


def test_closed_it_loads_no_further_one(bundle: Path) -> None:
    wardrobe = Wardrobe({"nobody": bundle}, SpeechModel.load())
    wardrobe.close()
    wardrobe.load_all()
    assert wardrobe.ready == {}
