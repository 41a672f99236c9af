"""Runs share the machine, and the first that fails ends all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

typer = pytest.importorskip("typer")
pytest.importorskip("torch")

from training.paper import __main__ as whole  # noqa: E402

pytestmark = pytest.mark.export


def stand_in(arguments: list[str]) -> subprocess.Popen[bytes]:
    """Runs the given program text in place of a module."""
    return subprocess.Popen([sys.executable, "-c", arguments[0]])


def test_all_run_and_a_failure_ends_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(whole, "_started", stand_in)
    mark = f"import pathlib; pathlib.Path({str(tmp_path)!r}, %r).touch()"
    whole._run([[mark % str(k)] for k in range(3)], 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "1", "2"]
    with pytest.raises(typer.Exit) as stopped:
        whole._run([["raise SystemExit(3)"], [mark % "never"]], 1)
    assert stopped.value.exit_code == 3
    assert not (tmp_path / "never").exists()
