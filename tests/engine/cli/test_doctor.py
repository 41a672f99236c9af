"""``engine doctor``; what it looks for is tested in tests/engine/test_doctor.py."""

from __future__ import annotations

import pytest

from engine import doctor
from engine.doctor import Check
from tests.engine.cli.calls import Run

FINE = Check("Python", True, "3.11")
SLOW = Check("speed", False, "60 ms of one core", needed=False)
PHOTO = Check("quick avatars", False, "without onnx", "pip install 'avatar-engine[photo]'", False)
HEIC = Check("iPhones", False, "without heif", "pip install 'avatar-engine[heic]'", False)
BROKEN = Check("onnxruntime", False, "not installed", "pip install 'avatar-engine[cpu]'")


def test_this_machine_is_well(run: Run) -> None:
    code, out, _ = run("doctor")
    assert code == 0
    assert "ok      speech model" in out
    assert "engine serve" in out


@pytest.mark.parametrize(
    ("checks", "code", "last"),
    [
        ([FINE], 0, ["Everything can run here: `engine serve`"]),
        ([FINE, SLOW], 0, ["Everything can run here: `engine serve`"]),
        (
            [FINE, PHOTO, HEIC],
            0,
            [
                "Faces can run here: `engine serve`. What is missing comes with:",
                "  pip install 'avatar-engine[photo,heic]'",
            ],
        ),
        (
            [BROKEN, PHOTO],
            1,
            [
                "No face can run here yet. To mend it:",
                "  pip install 'avatar-engine[cpu,photo]'",
            ],
        ),
    ],
    ids=["all", "slow", "extras", "broken"],
)
def test_the_last_lines_say_what_to_do(
    run: Run, monkeypatch: pytest.MonkeyPatch, checks: list[Check], code: int, last: list[str]
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: checks)
    ended, out, _ = run("doctor")
    assert ended == code
    assert out.splitlines()[-len(last) :] == last
