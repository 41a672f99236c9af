"""The benchmark measures each stage, and the whole."""

from __future__ import annotations

from engine.avatar import Avatar
from engine.bench import measure


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
