"""What is shipped is what the manifests say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.release import FOLDERS, MANIFEST, manifest

BUDGET = 60_000_000


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.parent.name)
def test_every_resource_is_listed_with_its_hash(folder: Path) -> None:
    assert json.loads((folder / MANIFEST).read_text()) == manifest(folder)


def test_resources_stay_within_the_size_budget() -> None:
    assert sum(int(e["bytes"]) for f in FOLDERS for e in manifest(f).values()) <= BUDGET


def test_a_file_of_unknown_origin_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stray.bin").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"stray\.bin has no origin"):
        manifest(tmp_path)
