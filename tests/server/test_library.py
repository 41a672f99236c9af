from __future__ import annotations

from pathlib import Path

import pytest

from server.library import MOST_NAME, default_folder, slug


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
