"""Devices come and go; what was wished for stays wished for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.live.budget import Budget
from engine.preview.capture import Capture
from engine.preview.schedule import Schedule
from engine.preview.sound import Sound, delay_ms
from tests.engine.preview.cards import CABLE, HEADSET, MICROPHONE, SPEAKERS, Cards
from tests.engine.preview.world import LOOK_AHEAD, MS, World

BUDGET = Budget.of(LOOK_AHEAD, 12.0)
LOUD = np.full(480, 9000, np.int16)


class Case:
    def __init__(self) -> None:
        self.world, self.cards = World(), Cards()
        schedule = Schedule(self.world.now, round(BUDGET.delay_ms * MS))
        self.capture = Capture(self.world, schedule, LOOK_AHEAD, BUDGET.allowance_ms)
        self.sound = Sound(self.cards, self.capture, self.world, BUDGET)

    def live(self, seconds: float, talking: bool = True) -> None:
        """Cards call every 10 ms, the thread tends every 250."""
        for k in range(round(seconds * 100)):
            self.world.advance(10 * MS)
            for stream in self.cards.open:
                if not stream.active or not talking:
                    continue
                if stream.device in self.cards.there:
                    stream.call(LOUD)
                elif stream.device in self.cards.outs:
                    stream.call(480, self.world.now + round(stream.latency_ms * MS), 48_000)
            if k % 25 == 0:
                self.sound.tend()


@pytest.fixture
def case() -> Case:
    return Case()


def test_what_is_wished_for_is_opened_and_heard(case: Case) -> None:
    case.sound.wish("microphone", MICROPHONE)
    case.live(1)
    assert [s.device for s in case.cards.open] == [MICROPHONE]
    assert case.capture.level_db > -15
    assert case.sound.trouble == ""


def test_another_wish_closes_the_first(case: Case) -> None:
    case.sound.wish("microphone", MICROPHONE)
    case.live(1)
    case.sound.wish("microphone", HEADSET)
    case.live(1)
    first, second = case.cards.open
    assert first.closed
    assert (second.device, second.active) == (HEADSET, True)
    case.sound.wish("microphone", None)
    case.live(0.5)
    assert second.closed
    assert case.sound.trouble == ""


def test_a_microphone_that_goes_is_taken_up_again_when_it_is_back(case: Case) -> None:
    case.sound.wish("microphone", HEADSET)
    case.live(1)
    case.cards.open[0].active = False
    case.cards.there, case.cards.broken = [MICROPHONE], {HEADSET.name}
    case.live(3)
    assert "USB Headset" in case.sound.trouble
    again = replace(HEADSET, index=7)  # the system counts anew

    def plugged_in() -> None:
        case.cards.there.append(again)
        case.cards.broken.clear()

    case.cards.on_search = plugged_in
    case.live(3)
    assert case.sound.trouble == ""
    assert case.cards.open[-1].device == again
    assert case.sound.wished("microphone") == again
    assert case.cards.searched >= 1


def test_a_microphone_that_says_nothing_any_more_has_gone(case: Case) -> None:
    case.sound.wish("microphone", MICROPHONE)
    case.live(1)
    case.live(3, talking=False)
    assert case.sound.trouble == "", "a sound server may pause"
    case.live(2, talking=False)
    assert "the microphone Built-in Microphone has gone" in case.sound.trouble


def test_one_that_can_not_be_opened_is_tried_every_two_seconds(case: Case) -> None:
    case.cards.broken.add(MICROPHONE.name)
    case.sound.wish("microphone", MICROPHONE)
    case.live(0.5)
    assert "choose one" in case.sound.trouble
    assert not case.cards.open
    case.cards.broken.clear()
    case.live(1.2)
    assert not case.cards.open
    case.live(1.2)
    assert case.cards.open
    assert case.sound.trouble == ""


def test_the_delay_covers_an_output_card_that_is_slow(case: Case) -> None:
    quick = delay_ms(BUDGET, 20.0)
    assert quick == BUDGET.delay_ms
    case.cards.latency_ms = 180.0
    case.sound.wish("output", CABLE)
    case.live(1)
    slow = case.capture.schedule.delay_ns / MS
    assert 180 < slow == pytest.approx(delay_ms(BUDGET, 180.0), abs=0.01)
    case.sound.wish("output", None)
    case.live(1)
    assert case.capture.schedule.delay_ns / MS == pytest.approx(quick, abs=0.01)


def test_the_voice_goes_out_and_not_a_sample_twice(case: Case) -> None:
    case.sound.wish("microphone", MICROPHONE)
    case.live(1)
    case.sound.wish("output", SPEAKERS)
    case.live(1)
    fill = case.cards.open[-1].call
    said = fill(480, case.world.now + 10 * MS, 48_000)
    assert said.dtype == np.float32  # type: ignore[attr-defined]
    assert np.abs(said).max() > 0.2  # type: ignore[call-overload]
    assert case.sound.jumps == 0


def test_an_output_that_goes_is_said_and_the_microphone_goes_on(case: Case) -> None:
    case.sound.wish("microphone", MICROPHONE)
    case.sound.wish("output", CABLE)
    case.live(1)
    microphone, output = case.cards.open
    output.active = False
    case.cards.broken.add(CABLE.name)
    case.live(3)
    assert "CABLE Input" in case.sound.trouble
    assert microphone.active
    assert case.cards.searched == 0


def test_searching_again_stops_both_for_a_moment(case: Case) -> None:
    case.sound.wish("microphone", MICROPHONE)
    case.sound.wish("output", CABLE)
    case.live(1)
    case.sound.look_again()
    case.live(1)
    assert case.cards.searched == 1
    assert [s.active for s in case.cards.open] == [False, False, True, True]


def test_without_cards_there_is_nothing_to_tend() -> None:
    case = Case()
    sound = Sound(None, case.capture, case.world, BUDGET, "no microphone")
    sound.wish("microphone", MICROPHONE)
    sound.tend()
    sound.close()
    assert sound.trouble == "no microphone"
