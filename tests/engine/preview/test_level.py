"""The meter peaks at once and falls as IEC 60268-10 says."""

from __future__ import annotations

import numpy as np
import pytest

from engine.preview import level
from engine.preview.level import FLOOR_DB, share, step

SILENCE = np.zeros(480, np.int16)


def test_it_shows_a_peak_at_once() -> None:
    sound = SILENCE.copy()
    sound[7] = -16384
    assert step(sound, FLOOR_DB) == pytest.approx(-6.02, abs=0.01)


def test_full_scale_is_0_db_even_where_abs_overflows() -> None:
    assert step(np.full(480, -32768, np.int16), FLOOR_DB) == pytest.approx(0.0)


def test_it_falls_by_20_db_in_1_7_seconds() -> None:
    now = 0.0
    for _ in range(170):
        now = step(SILENCE, now)
    assert now == pytest.approx(-20.0, abs=0.01)


def test_it_never_leaves_its_scale() -> None:
    assert step(SILENCE, FLOOR_DB) == FLOOR_DB
    assert [share(db) for db in (-200.0, FLOOR_DB, -30.0, 0.0, 6.0)] == [0, 0, 0.5, 1, 1]
    assert step(np.zeros(0, np.int16), -20.0) == -20.0
    assert level.FLOOR_DB < 0
