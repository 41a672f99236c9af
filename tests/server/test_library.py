from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.avatar import builtin_avatars
from engine.clock import MonotonicClock
from engine.errors import BadInput
from server.library import MOST_NAME, Library, default_folder, slug
from tests import bundles


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Ada Lovelace", "ada-lovelace"),
        ("  --Ben!! ", "ben"),
        ("../../etc/passwd", "etc-passwd"),
        ("…", "avatar"),
        ("", "avatar"),
        ("x" * 200, "x" * MOST_NAME),
        ("con\x00trol", "con-trol"),
    ],
)
def test_slug_is_safe_in_addresses_and_files(title: str, name: str) -> None:
    assert slug(title) == name


def test_slug_is_new() -> None:
    assert slug("Ada", {"ada", "ada-2"}) == "ada-3"


def test_default_folder_follows_the_xdg_specification(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "avatar-engine" / "avatars"


def test_files_made_here_are_called_as_they_were_and_others_as_they_say(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    bundles.bundle(folder / "my-own.avatar")
    elsewhere = bundles.bundle(tmp_path / "elsewhere.avatar")
    library = Library(folder, MonotonicClock())
    everything = library.files()
    assert everything["my-own"] == folder / "my-own.avatar"
    assert set(builtin_avatars()) < set(everything)
    assert library.files([str(elsewhere), str(elsewhere)]) == {
        "nobody": elsewhere, "nobody-2": elsewhere,
    }  # fmt: skip
    assert list(library.loaders({"x": elsewhere})) == ["x"]
    assert library.loaders({"x": elsewhere})["x"]().name == "x"


def test_a_mark_is_in_every_picture_of_every_avatar(tmp_path: Path) -> None:
    path = bundles.bundle(tmp_path / "nobody.avatar")
    plain, marked = (
        Library(tmp_path, MonotonicClock(), mark=mark).loader("nobody", path)().rest
        for mark in (None, "AI")
    )
    changed = np.argwhere((plain != marked).any(axis=2))
    assert len(changed) > 20
    assert changed[:, 0].min() > bundles.FRAME * 0.8, "in the corner and nowhere else"
    with pytest.raises(BadInput):
        Library(tmp_path, MonotonicClock(), mark="")
