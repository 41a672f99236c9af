"""Pictures leave at their moment or not at all, in virtual time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.preview.world import MS, Listener, Stage, World, clicks


def stage(cost: float = 12.0, **more: float) -> Stage:
    world = World()
    return Stage(world, Listener(world, lambda pts: cost), **more)


def test_every_picture_leaves_at_its_moment() -> None:
    it = stage()
    it.microphone(clicks(48_000))
    it.run(10)
    assert len(it.pictures) >= 246
    assert {p.late_ns for p in it.pictures[5:]} == {0}
    assert np.all(np.diff([p.pts for p in it.pictures]) == 640)
    assert it.performer.fps == pytest.approx(25, abs=0.1)
    assert it.performer.counts.skipped == it.performer.counts.late == 0


def test_a_click_is_seen_in_the_picture_of_its_time() -> None:
    it = stage()
    it.microphone(clicks(48_000))
    it.run(5)
    seen = [p.pts * 3 for p in it.pictures if p.image.max() > 100]
    # The first block, captured in the 10 ms before it came, ends where a need ends.
    assert len(seen) == 5
    assert np.all(np.diff(seen) % 1920 == 0)
    assert np.abs(np.diff(seen) - 48_000).max() <= 1920


def test_without_a_microphone_the_face_goes_on() -> None:
    it = stage()
    it.run(4)
    assert len(it.pictures) >= 95
    assert it.performer.counts.late == 0
    assert it.capture.counts.concealed > 3 * 48_000


def test_a_microphone_that_stops_does_not_stop_the_face() -> None:
    it = stage()
    heard = iter(range(200))
    it.microphone(lambda k: clicks(48_000)(k) if next(heard, None) is not None else
                  np.zeros(0, np.int16))  # fmt: skip
    it.run(6)
    assert len(it.pictures) >= 145
    assert it.performer.fps == pytest.approx(25, abs=0.1)


def test_a_slow_machine_shows_fewer_pictures_and_none_later() -> None:
    it = stage(cost=70.0)
    it.microphone(clicks(48_000))
    it.run(20)
    counts = it.performer.counts
    assert counts.skipped > 200
    assert it.performer.fps == pytest.approx(1000 / 80, abs=2.5)
    first, last = ([p.late_ns for p in part] for part in (it.pictures[:100], it.pictures[-100:]))
    assert max(last) <= max(first) <= 80 * MS


def test_a_stall_drops_pictures_and_leaves_no_latency_behind() -> None:
    it = stage()
    it.microphone(clicks(48_000))
    it.run(5)
    it.world.advance(700 * MS)  # the performer's thread gets no processor
    it.run(5)
    counts = it.performer.counts
    assert 14 <= counts.skipped <= 20
    assert {p.late_ns for p in it.pictures[-100:]} == {0}


def test_seconds_without_a_processor_begin_a_new_stream() -> None:
    it = stage()
    it.microphone(clicks(48_000))
    it.run(3)
    it.world.advance(6000 * MS)
    it.run(4)
    assert it.performer.counts.restarts >= 1
    assert it.capture.given_up > 48_000
    assert {p.late_ns for p in it.pictures[-50:]} == {0}
    assert all(p.pts % 640 == 0 for p in it.pictures)


@pytest.mark.parametrize("ppm", [-2000, 2000])
def test_a_microphone_whose_clock_drifts(ppm: int) -> None:
    """By 2 ms a second, ten times what cards do; the anchor follows in the pauses of speech."""
    it = stage(cost=5.0)
    noise = np.random.default_rng(0).normal(0, 3000, 480).astype(np.int16)
    silence = np.zeros(480, np.int16)
    it.microphone(lambda k: noise if k // 100 % 2 else silence, ppm=ppm)
    it.run(15)
    delay_ms = it.capture.delay_ms
    it.pictures.clear()
    it.run(25)
    assert abs(it.capture.delay_ms - delay_ms) < 15
    assert it.capture.counts.anchored > 3
    assert np.mean([p.late_ns > 0 for p in it.pictures]) < 0.02


def test_another_avatar_goes_on_where_the_first_one_was() -> None:
    it = stage()
    it.microphone(clicks(48_000))
    it.run(2)
    other = Listener(it.world, lambda pts: 12.0)
    other.draw = lambda motion: np.zeros((4, 4, 3), np.uint8)  # type: ignore[method-assign]
    it.performer.pipeline = other  # type: ignore[assignment]
    it.run(2)
    assert np.all(np.diff([p.pts for p in it.pictures]) == 640)
    assert it.pictures[-1].image.shape == (4, 4, 3)
    assert it.performer.counts.late == 0
