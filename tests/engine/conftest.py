"""One avatar for the tests of the run time, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.avatar import Avatar
from tests import bundles


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small synthetic avatar."""
    return bundles.bundle(tmp_path_factory.mktemp("avatar") / "nobody.avatar")


@pytest.fixture(scope="session")
def avatar(bundle: Path) -> Avatar:
    """The same, loaded."""
    return Avatar.load(bundle)
