"""``engine info``."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import avatar as avatar_module
from tests import bundles
from tests.engine.cli.calls import Run, refused


def test_info_shows_what_a_bundle_holds(run: Run, bundle: Path) -> None:
    code, out, _ = run("info", bundle)
    assert code == 0
    for told in ("Nobody [at all]", "every hash verified", "128 x 128, 25 fps", "family matrix",
                 "CC0", "nobody's", "avatar-engine test"):  # fmt: skip
        assert told in out


def test_a_part_that_unpacks_without_end(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(avatar_module, "_PART_LIMIT", 1 << 20)
    files = bundles.parts() | {"preview.png": bytes(4 << 20)}
    path = bundles.write(tmp_path / "bomb.avatar", bundles.manifest(files), files)
    refused(run("info", path), "preview.png unpacks to 4194304 bytes")


def test_an_avatar_that_is_not_there(run: Run, tmp_path: Path) -> None:
    refused(run("info", "nobody"), "'nobody'")
    refused(run("info", tmp_path), "no file called")
