"""``engine export`` without its extra; the rest is tested in tests/export/test_identity.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli import export
from tests.engine.cli.calls import Run


def test_without_the_photo_extra_its_install_line_is_given(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    code, _, err = run("export", "--identity", tmp_path / "me.jpg")
    assert code == 2
    assert "pip install 'avatar-engine[photo]'" in err
