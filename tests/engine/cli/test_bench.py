"""``engine bench``."""

from __future__ import annotations

from pathlib import Path

from tests.engine.cli.calls import Run


def test_bench_prints_its_table(run: Run, bundle: Path) -> None:
    code, out, _ = run("bench", "--avatar", bundle, "--frames", 10)
    assert code == 0
    for stage in ("log-mel", "speech", "generator", "compositor", "whole"):
        assert stage in out


def test_options_out_of_range_are_refused(run: Run, bundle: Path) -> None:
    code, _, err = run("bench", "--avatar", bundle, "--frames", 1)
    assert code == 2
    assert "frames" in err
