"""What the driver says about the GPU, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.gpu import Gpu, find_gpu


def tool(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_asks_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path, monkeypatch, 'echo "NVIDIA L4, 580.95.05, 23034"; echo "NVIDIA L4, 1, 2"')
    assert find_gpu() == Gpu("NVIDIA L4", "580.95.05", 23034)


@pytest.mark.parametrize("script", ["exit 9", "echo", "echo a, b, many", "echo no devices"])
def test_a_driver_that_does_not_answer(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(tmp_path, monkeypatch, script)
    found = find_gpu()
    assert isinstance(found, str)
    assert "does not answer" in found


def test_no_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_gpu() == "no NVIDIA driver: nvidia-smi is not there"
