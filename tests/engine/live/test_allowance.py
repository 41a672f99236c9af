from __future__ import annotations

import numpy as np
import pytest

from engine.live import allowance
from engine.live.allowance import AllowanceState, begin, step


def after(times_ms: list[float], state: AllowanceState) -> AllowanceState:
    for ms in times_ms:
        state = step(ms, state)
    return state


def test_covers_all_but_a_few() -> None:
    times = list(np.random.default_rng(1).gamma(9.0, 2.0, 2000))
    learnt = after(times, begin(10.0)).ms
    assert np.mean(np.array(times[-300:]) > learnt) <= 0.03
    assert learnt < np.quantile(times, 0.995), "one slow picture does not decide"


def test_a_machine_that_gets_busy_is_followed_within_two_seconds() -> None:
    calm = after([15.0] * 400, begin(20.0))
    busy = after([45.0] * 50, calm)
    assert busy.ms == pytest.approx(47.0)


def test_shrinks_when_all_of_the_last_seconds_was_fast_and_not_before() -> None:
    busy = after([45.0] * 300, begin(20.0))
    assert after([15.0] * 200, busy).ms == busy.ms
    assert after([15.0] * 325, busy).ms == pytest.approx(17.0)


def test_rests_where_little_is_to_be_gained() -> None:
    state = begin(20.0)
    assert after([16.0] * 1000, state).ms == 20.0


@pytest.mark.parametrize(("ms", "held"), [(0.1, allowance.LEAST_MS), (5000.0, allowance.MOST_MS)])
def test_is_held_within_bounds(ms: float, held: float) -> None:
    assert begin(ms).ms == held
    assert after([ms] * 400, begin(60.0)).ms == held


def test_what_is_remembered_is_bounded() -> None:
    assert len(after([1.0] * 2000, begin(20.0)).recent) == allowance.WINDOW
