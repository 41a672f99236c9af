from __future__ import annotations

import pytest

from server.capacity import CapacityState, Sample, begin, cores, places, step, struggles


def lived(
    seconds: int, sessions: int, cost: float, late: float = 0.0, state: CapacityState | None = None
) -> CapacityState:
    """So many sessions for so long, each at a cost in cores, with a share of late pictures."""
    state = state or begin(15.0)
    last = state.samples[-1] if state.samples else Sample(0.0, 3.0, 0, 0, 0)
    for _ in range(seconds):
        pictures = 25 * sessions
        last = Sample(
            last.at_s + 1,
            last.cpu_s + sessions * cost,
            sessions,
            last.pictures + pictures,
            last.late + round(pictures * late),
        )
        state = step(last, state)
    return state


def test_the_guess_is_that_of_a_512_picture_on_two_cores() -> None:
    """15 ms to draw: measured 0.64 to 0.68 of a core, of which two fit on two cores."""
    assert begin(15.0).cost == pytest.approx(0.65, abs=0.03)
    assert places(2.0, begin(15.0)) == 2
    assert places(1.0, begin(100.0)) == 1, "one is always let in"
    assert places(16.0, begin(15.0)) == 19


def test_the_cost_is_what_sessions_did_cost() -> None:
    state = lived(20, sessions=2, cost=0.2)
    assert state.cost == pytest.approx(0.2, rel=0.11)
    assert places(2.0, state) in (7, 8)
    state = lived(20, sessions=3, cost=0.9, state=state)
    assert state.cost == pytest.approx(0.9, rel=0.11)
    assert places(2.0, state) == 1


def test_an_empty_server_keeps_what_it_knew() -> None:
    known = lived(20, sessions=1, cost=0.4)
    assert lived(60, sessions=0, cost=0.0, state=known).cost == pytest.approx(known.cost)
    assert lived(4, sessions=1, cost=9.0).cost == begin(15.0).cost, "four seconds say nothing"


def test_a_machine_that_is_late_lets_nobody_else_in() -> None:
    assert not struggles(lived(20, sessions=1, cost=0.4, late=0.04))
    late = lived(20, sessions=1, cost=0.4, late=0.5)
    assert struggles(late)
    assert not struggles(lived(20, sessions=1, cost=0.4, state=late)), "until it is not"
    assert not struggles(begin(15.0))


def test_what_is_remembered_is_bounded() -> None:
    assert len(lived(200, sessions=1, cost=0.4).samples) <= 11


def test_cores_of_this_process(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    import server.capacity

    assert cores() >= 0.1
    quota = tmp_path / "cpu.max"  # type: ignore[operator]
    monkeypatch.setattr(server.capacity, "_CGROUP_QUOTA", quota)
    every = cores()
    for text, expected in (("max 100000", every), ("50000 100000", 0.5), ("what?", every)):
        quota.write_text(text)
        assert cores() == expected
