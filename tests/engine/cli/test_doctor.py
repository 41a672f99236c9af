"""``engine doctor``; what it looks for is tested in tests/engine/test_doctor.py."""

from __future__ import annotations

from tests.engine.cli.calls import Run


def test_doctor_finds_this_machine_well(run: Run) -> None:
    code, out, _ = run("doctor")
    assert code == 0
    assert "ok      speech model" in out
