from __future__ import annotations

import pytest

from server.rate import MOST_ADDRESSES, Allowed, RateLimit


class HandClock:
    def __init__(self) -> None:
        self.ns = 5_000_000_000

    def now_ns(self) -> int:
        return self.ns


def test_a_burst_and_then_one_at_a_time() -> None:
    clock = HandClock()
    limit = RateLimit(Allowed(burst=3, every_s=2.0), clock)
    for _ in range(3):
        assert limit.wait_s("a") == 0
        limit.take("a")
    assert limit.wait_s("a") == pytest.approx(2.0)
    clock.ns += 1_500_000_000
    assert limit.wait_s("a") == pytest.approx(0.5)
    clock.ns += 500_000_000
    assert limit.wait_s("a") == 0
    limit.take("a")
    assert limit.wait_s("a") == pytest.approx(2.0)


def test_addresses_do_not_wait_for_each_other() -> None:
    limit = RateLimit(Allowed(burst=1, every_s=60.0), HandClock())
    limit.take("a")
    assert limit.wait_s("a") > 0
    assert limit.wait_s("b") == 0


def test_what_is_remembered_is_bounded() -> None:
    limit = RateLimit(Allowed(burst=1, every_s=60.0), HandClock())
    for n in range(MOST_ADDRESSES + 100):
        limit.take(str(n))
    assert len(limit._full_at) == MOST_ADDRESSES
    assert limit.wait_s(str(MOST_ADDRESSES + 99)) > 0
