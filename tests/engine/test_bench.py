"""The benchmark measures each stage, and the whole."""

from __future__ import annotations

from engine.avatar import Avatar
from engine.bench import frame_milliseconds, measure


def test_measures_every_stage_and_the_whole(avatar: Avatar) -> None:
    rows = {row.stage: row for row in measure(avatar, 20)}
    assert list(rows) == [
        "log-mel, 4 columns", "speech, 4 steps", "generator", "compositor", "sound to frame, whole"
    ]  # fmt: skip
    for row in rows.values():
        assert 0 < row.median <= row.p95
        assert row.cpu > 0
    # No more can be said on a busy machine; one stage left out of the whole would show here.
    stages = [row.cpu for stage, row in rows.items() if stage != "sound to frame, whole"]
    assert rows["sound to frame, whole"].cpu > 0.5 * max(stages)


def test_the_hint_is_of_the_order_of_the_measurement(avatar: Avatar) -> None:
    stages = {row.stage: row.cpu for row in measure(avatar, 20)}
    drawn = stages["generator"] + stages["compositor"]
    assert drawn / 4 < frame_milliseconds(avatar) < 4 * drawn
