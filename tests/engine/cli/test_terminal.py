"""How commands report progress."""

from __future__ import annotations

import json

import pytest

from engine.cli.terminal import ProgressStyle, progress


def report(style: ProgressStyle) -> None:
    with progress(style) as tell:
        for share in (0.0, 0.001, 0.5, 1.0):
            tell("tuning", share)


def test_programs_get_one_object_for_each_percent(capsys: pytest.CaptureFixture[str]) -> None:
    report(ProgressStyle.json)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["percent"] for event in events] == [0.0, 50.0, 100.0]
    assert {event["stage"] for event in events} == {"tuning"}
    assert all("seconds_left" in event for event in events)


@pytest.mark.parametrize("style", [ProgressStyle.bar, ProgressStyle.none])
def test_no_bar_goes_where_no_terminal_is(
    style: ProgressStyle, capsys: pytest.CaptureFixture[str]
) -> None:
    report(style)
    captured = capsys.readouterr()
    assert "tuning" not in captured.out + captured.err
