"""The program called as a user calls it: with arguments, answered by text and an exit code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine.cli import program
from tests.engine.cli.calls import Run
from tests.sounds import encoded, speech


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call ``engine`` with arguments: exit code, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["engine", *map(str, arguments)])
        code = 0
        try:
            program.main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return encoded(tmp_path / "in.wav", speech(0.4, 16000), 16000, "pcm_s16le")
