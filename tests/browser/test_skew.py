"""Sound and picture leave the browser together, and soon: a gate for busy machines.

The published figures come from ``measure_live`` on a quiet one.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Playwright

from tests.browser.measure_live import best_delay, flashes, measure, paired

pytestmark = [pytest.mark.browser, pytest.mark.realtime]


def test_clicks_and_flashes_come_together_and_soon(playwright: Playwright) -> None:
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
    assert paired([1000.0, 2000.0, 9000.0], flashes(frames), 0, 350).tolist() == [12.0, 12.0]
    clicks = [0.0, 800.0, 1730.0, 2490.0]
    assert best_delay(clicks, [t + 145 for t in clicks]) == 145
