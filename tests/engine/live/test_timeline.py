"""The timeline against everything a microphone does, in virtual time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.live import timeline
from engine.live.timeline import RATE, Need, TimelineState, begin, conceal, place

PACKET = 480
FRAME = 1920
MS = RATE // 1000
NEED = Need(first=50 * MS, period=FRAME, margin=22 * MS)
SILENCE, SPEECH = 0, 3000


class Room:
    """Plays packets into a timeline and conceals when sound is needed, as a session does."""

    def __init__(self, need: Need = NEED) -> None:
        self.need = need
        self.state: TimelineState = begin(need)
        self.parts: list[NDArray[np.int16]] = []
        self._frame = 0

    def until(self, now: int) -> None:
        """Let time run to ``now``; silence is put where it is needed on the way."""
        while self.need.first + self._frame * self.need.period + self.state.margin <= now:
            until = self.need.first + self._frame * self.need.period
            silence, self.state = conceal(until, self.need, self.state)
            self.parts.append(silence)
            self._frame += 1

    def packet(self, number: int, now: int, level: int = SPEECH, stamp: int | None = None) -> None:
        """Packet ``number`` arrives; its samples say which one it was."""
        self.until(now)
        samples = np.full(PACKET, level + number % 100 if level else 0, np.int16)
        samples[1::2] *= -1
        at = number * PACKET if stamp is None else stamp
        placed, self.state = place(samples, at, now, self.need, self.state)
        self.parts.append(placed)

    @property
    def sound(self) -> NDArray[np.int16]:
        return np.concatenate(self.parts)

    @property
    def delay(self) -> int:
        """Place on the timeline minus time stamp, of the sound that comes now."""
        assert self.state.shift is not None
        return self.state.shift


def steady(room: Room, first: int, count: int, late: int = 0, level: int = SPEECH) -> None:
    """Packets at their pace, the end of each ``late`` samples after its own time."""
    for number in range(first, first + count):
        room.packet(number, (number + 1) * PACKET + late, level)


def test_a_steady_stream_passes_unchanged_and_unbroken() -> None:
    room = Room()
    steady(room, 0, 200)
    assert len(room.sound) == room.state.end == 200 * PACKET
    heard = np.abs(room.sound.astype(int))
    assert np.array_equal(heard, np.repeat(SPEECH + np.arange(200) % 100, PACKET))
    assert room.state.counts.concealed == room.state.counts.lost == room.state.counts.late == 0


def test_every_sample_has_its_place_whatever_comes() -> None:
    rng = np.random.default_rng(3)
    room, now = Room(), 0
    for number in range(1500):
        now = max(now, (number + 1) * PACKET + int(rng.exponential(8 * MS)))
        if rng.random() > 0.05:
            room.packet(number, now, SPEECH if number % 300 > 40 else SILENCE)
    assert len(room.sound) == room.state.end
    assert room.state.end == pytest.approx(now, abs=RATE // 5), (
        "the timeline keeps the clock's pace"
    )


def test_a_lost_packet_becomes_silence_of_its_length() -> None:
    room = Room()
    steady(room, 0, 5)
    steady(room, 6, 5)
    heard = np.abs(room.sound.astype(int)).reshape(-1, PACKET)
    assert (heard[5] == 0).all()
    assert heard[6, 0] == SPEECH + 6
    assert room.state.counts.lost == PACKET


def test_without_a_microphone_silence_keeps_the_pace() -> None:
    room = Room()
    room.until(RATE)
    assert room.state.end == NEED.first + NEED.period * 23
    assert not room.sound.any()


def test_a_slip_of_the_microphone_loses_no_speech() -> None:
    """Its stream comes 100 ms later from one packet to the next, and stays so."""
    room = Room()
    steady(room, 0, 300)
    steady(room, 300, 300, late=100 * MS)
    said = np.unique(np.abs(room.sound[room.sound != 0]).astype(int))
    assert set(range(SPEECH, SPEECH + 100)) <= set(said)
    heard = np.abs(room.sound.astype(int))
    assert np.count_nonzero(heard) == 600 * PACKET, "all 600 packets are there"
    assert room.state.counts.late == 0


def test_after_an_outage_what_is_too_late_is_dropped_and_latency_returns() -> None:
    """One second of nothing, then all of it at once, then on time."""
    room = Room()
    steady(room, 0, 300)
    before = room.delay
    for number in range(300, 400):
        room.packet(number, 401 * PACKET, SPEECH)
    assert room.state.counts.late > RATE // 2
    steady(room, 400, 200)
    assert room.delay - before <= timeline.MOST_WAIT
    steady(room, 600, 900, level=SILENCE)
    assert room.delay - before <= 1 * MS


def test_speech_is_not_cut_to_shorten_the_latency() -> None:
    room = Room()
    room.packet(0, PACKET + 60 * MS)  # the first one comes late and sets the anchor too late
    steady(room, 1, 900)
    assert room.state.counts.left_out == 0
    late = room.delay
    steady(room, 901, 100, level=SILENCE)
    assert room.state.counts.left_out > 50 * MS
    assert room.delay < late - 50 * MS


@pytest.mark.parametrize("ppm", [-200, 200])
def test_twenty_minutes_of_a_clock_that_runs_off(ppm: int) -> None:
    """Pauses every ten seconds are enough to follow it; what is said is neither lost nor cut."""
    room = Room()
    delays = []
    packets = 1200 * 100
    speech, silence = np.full(PACKET, SPEECH, np.int16), np.zeros(PACKET, np.int16)
    for number in range(packets):
        now = round((number + 1) * PACKET * (1 + ppm * 1e-6))
        room.until(now)
        samples = silence if number % 1000 > 900 else speech
        room.state = place(samples, number * PACKET, now, room.need, room.state)[1]
        room.parts.clear()
        if number % 1000 == 999 and number > 5000:
            delays.append(now - (number + 1) * PACKET - room.delay)
    assert max(delays) - min(delays) <= 15 * MS, "latency at the end is that of the beginning"
    counts = room.state.counts
    drifted = packets * PACKET * 200e-6
    assert counts.left_out + counts.put_in == pytest.approx(drifted, rel=0.05)
    assert counts.concealed + counts.lost + counts.late <= 15 * MS
    assert abs(room.state.end - now) <= 50 * MS


def test_a_margin_that_shrinks_waits_for_a_pause() -> None:
    """Sound is to be complete 25 ms sooner: nothing said is touched, then silence is put in."""
    room = Room()
    steady(room, 0, 150, level=SILENCE)
    steady(room, 150, 150)
    before = room.delay
    room.need = replace(NEED, margin=NEED.margin - 25 * MS)
    steady(room, 300, 200)
    assert room.state.margin == NEED.margin
    assert room.delay == before
    steady(room, 500, 50, level=SILENCE)
    assert room.state.margin == room.need.margin
    assert 20 * MS <= room.delay - before <= 30 * MS
    concealed = room.state.counts.concealed
    steady(room, 550, 300)
    assert room.state.counts.concealed == concealed
    assert room.state.counts.late == room.state.counts.lost == 0


def test_a_margin_that_grows_shortens_the_latency_in_the_next_pause() -> None:
    room = Room()
    steady(room, 0, 150, level=SILENCE)
    steady(room, 150, 150)
    before = room.delay
    room.need = replace(NEED, margin=NEED.margin + 25 * MS)
    steady(room, 300, 200)
    assert room.delay == before
    steady(room, 500, 50, level=SILENCE)
    assert 15 * MS <= before - room.delay <= 30 * MS


def test_without_any_pause_the_margin_shrinks_at_last() -> None:
    room = Room()
    room.need = replace(NEED, margin=NEED.margin - 25 * MS)
    steady(room, 0, 450)
    assert room.state.margin == NEED.margin
    steady(room, 450, 100)
    assert room.state.margin == room.need.margin
    assert room.state.counts.late == 0, "speech is stretched and not cut"


def test_a_new_stream_is_anchored_anew() -> None:
    room = Room()
    steady(room, 0, 100)
    for number in range(100, 110):
        room.packet(number, (number + 1) * PACKET, stamp=10_000_000 + number * PACKET)
    assert len(room.sound) == 110 * PACKET
    assert np.count_nonzero(room.sound) == 110 * PACKET


def test_two_timelines_do_not_share_anything() -> None:
    alone, one, other = Room(), Room(), Room()
    steady(alone, 0, 50, late=5 * MS)
    for number in range(50):
        steady(one, number, 1, late=5 * MS)
        steady(other, number, 1, late=9 * MS, level=SILENCE)
    assert np.array_equal(alone.sound, one.sound)
    assert alone.state == one.state
    assert not other.sound.any()


@pytest.mark.parametrize(
    ("start", "end", "point"), [(0, 50, 50), (49, 50, 50), (50, 51, None), (50, 150, 150)]
)
def test_need(start: int, end: int, point: int | None) -> None:
    assert Need(first=50, period=100, margin=0).within(start, end) == point
