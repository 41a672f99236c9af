from __future__ import annotations

import pytest

from engine.live.budget import Budget


def test_is_the_sum_of_its_parts() -> None:
    parts = Budget.of(look_ahead_samples=800, draw_p95_ms=12.0).parts()
    assert parts["look_ahead_ms"] == 50
    assert parts["allowance_ms"] == 18, "drawing, and the ways to the worker and back"
    delay = parts.pop("delay_ms")
    assert delay == pytest.approx(sum(parts.values()))
    assert delay <= 100, "50 ms of look-ahead leave room for the 150 ms to the flash"


def test_time_is_left_to_draw_after_silence_was_put_in() -> None:
    budget = Budget.of(800, 12.0)
    assert budget.delay_ms - budget.needed_ms == budget.allowance_ms > 12


@pytest.mark.parametrize(("measured", "used"), [(0.1, 10.0), (9999.0, 126.0)])
def test_a_measurement_gone_wrong_does_not_decide(measured: float, used: float) -> None:
    assert Budget.of(800, measured).allowance_ms == used
