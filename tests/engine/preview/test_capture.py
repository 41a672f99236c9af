"""What the microphone gives, on the timeline: bounded, muted, delayed, never stuck."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np

from engine.preview.capture import MOST_PENDING, Capture
from engine.preview.level import FLOOR_DB
from engine.preview.schedule import Schedule
from tests.engine.preview.world import BLOCK, LOOK_AHEAD, MS, World

LOUD = np.full(BLOCK, 16_384, np.int16)


def made(world: World, delay_ms: float = 100.0, output_ms: float = 0.0) -> Capture:
    schedule = Schedule(world.now, round(delay_ms * MS))
    return Capture(world, schedule, LOOK_AHEAD, 20.0, output_ms)


def hear(world: World, capture: Capture, blocks: int) -> None:
    for _ in range(blocks):
        world.advance(10 * MS)
        capture.hear(LOUD)


def test_what_is_heard_can_be_taken_once_and_read_again_delayed() -> None:
    world = World()
    capture = made(world)
    hear(world, capture, 20)
    start, taken = capture.take()
    assert np.count_nonzero(taken) == 20 * BLOCK
    assert len(capture.take()[1]) == 0
    np.testing.assert_array_equal(capture.voice(start, len(taken)), taken)


def test_muted_it_hears_silence_and_still_shows_the_level() -> None:
    world = World()
    capture = made(world)
    capture.muted = True
    hear(world, capture, 20)
    assert not capture.take()[1].any()
    assert capture.level_db > -7
    capture.muted = False
    hear(world, capture, 1)
    assert capture.take()[1].any()


def test_sound_that_nobody_takes_is_given_up_and_counted() -> None:
    world = World()
    capture = made(world)
    hear(world, capture, 250)
    start, taken = capture.take()
    assert len(taken) <= MOST_PENDING
    assert capture.given_up + len(taken) == start + len(taken) >= 250 * BLOCK - BLOCK


def test_without_sound_silence_is_put_in_just_when_it_is_needed() -> None:
    world = World()
    capture = made(world)
    for _ in range(50):
        world.advance(capture.needed_ns() - world.now)
        before = len(capture.take()[1])
        capture.conceal()
        assert before == 0
        assert len(capture.take()[1]) > 0
        assert capture.needed_ns() > world.now


def test_hours_of_sleep_cost_no_memory() -> None:
    world = World()
    capture = made(world)
    world.advance(3600 * 1000 * MS)
    tracemalloc.start()
    capture.conceal()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20
    assert capture.given_up > 3590 * 48_000
    assert capture.needed_ns() > world.now


def test_the_meter_falls_where_nothing_comes_any_more() -> None:
    world = World()
    capture = made(world)
    hear(world, capture, 10)
    assert capture.level_db > -7
    world.advance(1700 * MS)
    assert -27 < capture.level_db < -25
    world.advance(60_000 * MS)
    assert capture.level_db == FLOOR_DB


def test_the_picture_gets_its_allowance_and_the_output_card_its_time() -> None:
    """Silence is put in place of missing sound before either would be too late."""
    for output_ms in (0.0, 80.0):
        world = World()
        capture = made(world, output_ms=output_ms)
        world.advance(2000 * MS)
        capture.conceal()
        start, taken = capture.take()
        end = start + len(taken)
        world.advance(capture.needed_ns() - world.now)
        # The picture whose look-ahead is complete with the next 40 ms, and their last sample.
        complete = end + 1920
        picture_left = capture.schedule.due_ns((complete - 96) // 3 - LOOK_AHEAD) - world.now
        wanted_by_card = capture.schedule.leaving(world.now + round(output_ms * MS))
        assert picture_left >= 20 * MS
        assert wanted_by_card <= complete - 96
        assert min(picture_left - 20 * MS, (complete - 96 - wanted_by_card) * MS / 48) < MS


def test_another_microphone_is_heard_at_once() -> None:
    world = World()
    capture = made(world)
    hear(world, capture, 100)
    world.advance(700 * MS)
    capture.conceal()
    capture.take()
    capture.another_microphone()
    assert capture.level_db == FLOOR_DB
    hear(world, capture, 10)
    assert np.count_nonzero(capture.take()[1]) == 10 * BLOCK
    assert capture.counts.late == 0


def test_since_when_the_sound_of_a_picture_is_complete() -> None:
    world = World()
    capture = made(world)
    hear(world, capture, 30)
    complete = capture.complete_ns(640)
    assert complete is not None
    assert 0 <= complete - capture.schedule.start_ns - (640 + LOOK_AHEAD) / 16 * MS <= 22 * MS
    assert capture.complete_ns(640 * 1000) is None


def test_the_delay_is_from_arrival_to_release() -> None:
    world = World()
    capture = made(world)
    hear(world, capture, 300)
    assert 88 <= capture.delay_ms <= 100
    capture.reschedule(replace(capture.schedule, delay_ns=150 * MS), output_ms=90.0)
    assert 138 <= capture.delay_ms <= 150
