"""Picture and voice of one moment leave at one moment."""

from __future__ import annotations

from engine.preview.schedule import Schedule

START = 7_000_000_000


def test_a_picture_leaves_after_the_delay() -> None:
    schedule = Schedule(START, 100_000_000)
    assert schedule.due_ns(0) == START + 100_000_000
    assert schedule.due_ns(640) == START + 140_000_000


def test_voice_and_picture_of_one_moment_leave_together() -> None:
    schedule = Schedule(START, 93_700_000)
    for pts in (0, 640, 64_000, 640 * 25 * 3600):
        assert schedule.leaving(schedule.due_ns(pts)) == pts * 3


def test_positions_and_instants_are_inverse() -> None:
    schedule = Schedule(START, 1)
    for position in (*range(100), 480, 48_000 * 3600 + 7):
        assert schedule.captured(schedule.instant_ns(position)) == position
        assert schedule.captured(schedule.instant_ns(position) - 1) == position - 1
    assert schedule.captured(START - 10_000_000) == -480
