"""Bundles from elsewhere are proved before they are served, and keep their parts when renamed."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

import server.bundles
from engine.avatar import Avatar
from engine.errors import BadBundle
from server.bundles import clean_title, main, prove, retitle
from tests import bundles


def test_another_title_and_the_same_parts(tmp_path: Path) -> None:
    path = bundles.bundle(tmp_path / "a.avatar")
    with zipfile.ZipFile(path) as archive:
        before = {name: archive.read(name) for name in archive.namelist()}
    retitle(path, "Zoë")
    with zipfile.ZipFile(path) as archive:
        after = {name: archive.read(name) for name in archive.namelist()}
    assert json.loads(after.pop("manifest.json")) == json.loads(before.pop("manifest.json")) | {
        "title": "Zoë"
    }
    assert after == before
    assert Avatar.load(path).title == "Zoë"
    assert [p.name for p in tmp_path.iterdir()] == ["a.avatar"]


def test_what_is_no_bundle_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.avatar"
    path.write_bytes(b"no zip")
    with pytest.raises(BadBundle):
        retitle(path, "x")
    assert path.read_bytes() == b"no zip"


def test_a_good_bundle_is_proved_by_drawing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bundles.bundle(tmp_path / "a.avatar")
    assert main([str(path)]) == 0
    assert json.loads(capsys.readouterr().out) == {"title": "Nobody [at all]"}


def test_one_that_is_none_or_too_slow_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bundles.bundle(tmp_path / "a.avatar", schema=99)
    assert main([str(path)]) == 2
    assert "schema 99" in capsys.readouterr().err
    monkeypatch.setattr(server.bundles, "_MOST_DRAW_S", -1.0)
    with pytest.raises(BadBundle, match="ms to draw a picture"):
        prove(bundles.bundle(path))


@pytest.mark.parametrize(
    ("title", "clean"),
    [("  Ada \n L. ", "Ada L."), ("x" * 99, "x" * 40), ("\x00\u202e", ""), ("Zoë 🎈", "Zoë 🎈")],
)
def test_titles_are_one_line_of_what_can_be_seen(title: str, clean: str) -> None:
    assert clean_title(title) == clean
