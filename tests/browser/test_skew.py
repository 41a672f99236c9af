"""Sound and picture leave the browser together, and soon: a gate for busy machines.

The published figures come from ``measure_live`` on a quiet one.
"""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Playwright

from tests.browser.live_figures import best_delay, flashes, paired, stall_cost
from tests.browser.measure_live import measure

pytestmark = [pytest.mark.browser, pytest.mark.realtime]


def test_clicks_and_flashes_come_together_and_soon(playwright: Playwright) -> None:
    found = measure(playwright, "synthetic", seconds=14, skip_s=3)
    if found["click_to_flash_ms"]["median"] > 400:  # others were at work: once more
        found = measure(playwright, "synthetic", seconds=14, skip_s=3)
    assert found["skew_ms"]["n"] >= 8
    assert abs(found["skew_ms"]["median"]) <= 60
    assert found["skew_ms"]["p95_abs"] <= 120
    assert found["click_to_flash_ms"]["median"] <= 400
    assert found["connect_ms"] <= 3000
    assert found["codec"] == "video/H264"


def test_the_measurement_tells_late_pictures_from_early_ones() -> None:
    """Three flashes of a click 12 ms into its picture, the first picture lost in one of them."""
    code = 1 << 14 | (12 + 40) << 5
    frames = [
        {"shown": 1000.0, "code": code},
        {"shown": 1040.0, "code": code | 1 << 12},
        {"shown": 1920.0, "code": 0},
        {"shown": 2040.0, "code": code | 1 << 12},
    ]
    assert flashes(frames) == [1012.0, 2012.0]
    found = paired([1000.0, 2000.0, 9000.0], flashes(frames), 0, 350)
    assert found.tolist() == [[1000.0, 12.0], [2000.0, 12.0]]
    clicks = [0.0, 800.0, 1730.0, 2490.0]
    assert best_delay(clicks, [t + 145 for t in clicks]) == 145


def test_the_cost_of_a_stall_is_what_stays_of_it() -> None:
    """150 ms before, 350 for ten seconds, then 165."""
    times = np.arange(0, 90_000, 900.0)
    ms = np.where(times < 20_000, 150.0, np.where(times < 30_000, 350.0, 165.0))
    cost = stall_cost(np.stack([times, ms], axis=1), at_ms=20_000)
    assert cost["cost_ms"] == 15.0
    assert cost["in_the_5_s_behind_it_ms"] == 350.0
