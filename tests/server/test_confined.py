from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Sequence

import pytest

from server.confined import Bounds, environment

BOUNDS = Bounds(memory_mb=400, cpu_s=60, file_mb=1)


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command: Sequence[str] = [sys.executable, "-c", script, *arguments]
    return subprocess.run(
        BOUNDS.around(command), capture_output=True, text=True, timeout=30, check=False
    )


def test_the_command_gets_its_arguments_and_the_bounds() -> None:
    done = run(
        "import os, resource, sys; print(sys.argv[1:], resource.getrlimit(resource.RLIMIT_AS)[0],"
        "resource.getrlimit(resource.RLIMIT_CPU)[1], os.nice(0) > 0)",
        "--cpu-s",
        "--",
        "x y",
    )
    assert done.stdout == f"['--cpu-s', '--', 'x y'] {400 << 20} 60 True\n", done.stderr


def test_more_memory_is_not_given() -> None:
    assert "MemoryError" in run("bytearray(1 << 30)").stderr


def test_no_large_file_is_written(tmp_path: object) -> None:
    done = run("open(__import__('sys').argv[1], 'wb').write(bytes(2 << 20))", f"{tmp_path}/x")
    assert done.returncode != 0


def test_bounds_can_not_be_lifted_from_within() -> None:
    done = run("import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))")
    if resource.getrlimit(resource.RLIMIT_AS)[1] == resource.RLIM_INFINITY and not done.returncode:
        pytest.skip("did not run: whoever may do everything may lift bounds too")
    assert "ValueError" in done.stderr


def test_the_environment_holds_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATAR_TOKEN", "tell nobody")
    monkeypatch.setenv("LANG", "C")
    given = environment()
    assert not any(name.startswith("AVATAR_") for name in given)
    assert given["LANG"] == "C"
    assert int(given["OMP_NUM_THREADS"]) >= 1
