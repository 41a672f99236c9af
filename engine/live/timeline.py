"""The session's timeline of incoming sound: where on it each packet belongs.

The timeline counts samples at 48 kHz since the session began and never stops or jumps: sample s is
wanted by the pictures at a fixed instant (``Need``). The microphone does not keep to that. Its
stream begins some time later, loses packets, arrives in bursts, slips by 100 ms when the browser is
starved, and runs some 100 ppm fast or slow. All of it is absorbed here, so that everything behind
sees one unbroken stream at the pace of the clock:

* a loss is filled with silence as soon as a later packet shows it;
* silence is also put where sound is needed now and has not come (``conceal``);
* sound that comes after its place was filled moves the anchor later, within bounds, so that speech
  is heard late rather than lost; what is later still is dropped;
* while nothing is said the anchor is moved, by leaving sound out or putting silence in, so that
  nearly all sound of the last seconds came just before it was needed. So the latency follows the
  jitter there is, and the drift of the microphone's clock goes the same way.

Sound comes in packets, and a picture waits for the packet that completes its need. The anchor is
therefore set so that packets end just where a need ends, and moves by whole packets.

How long after its time sound is needed (the margin) may change within a session, as drawing gets
slower or faster. Less of it waits for a pause: the anchor follows the margin, so a busier machine
costs some silence, and neither a word nor a jump of the face.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["RATE", "Counts", "Need", "TimelineState", "begin", "conceal", "place"]

RATE = 48000

MOST_WAIT = RATE * 120 // 1000  # the longest that the earliest packets are made to wait
MOST_GAP = RATE * 2  # a jump of the time stamps beyond this is a new stream, not a loss
WINDOW = RATE * 8
WINDOW_JUDGED = RATE * 1  # needs must span this much before they say where the anchor belongs
RARE = 0.01  # share of the needs that may come too late
RESERVE = RATE * 3 // 1000
BAND = RATE * 2 // 1000
TOO_LONG = RATE * 200 // 1000  # beyond this latency is given up in speech as well
QUIET = 100.0  # root mean square of int16 samples: -50 dB
QUIET_SHARE = 0.1  # or 20 dB below the loudest of late
PATIENCE = RATE * 5  # no pause in so long: what can not wait is done while somebody speaks


@dataclass(frozen=True)
class Need:
    """When sound is needed: the samples before ``first + k * period`` at instant
    ``first + k * period + margin``, for every k. All in samples at 48 kHz.

    margin: wished for; the one in force is in the state, and follows when it can.
    """

    first: int
    period: int
    margin: int

    def within(self, start: int, end: int) -> int | None:
        """The first point of need in (start, end], or None."""
        k = -((self.first - start - 1) // self.period)
        point = self.first + k * self.period
        return point if start < point <= end else None


@dataclass(frozen=True)
class Counts:
    """What was done to the sound, in samples at 48 kHz, and how often the anchor moved."""

    lost: int = 0
    concealed: int = 0
    late: int = 0
    left_out: int = 0
    put_in: int = 0
    anchored: int = 0


@dataclass(frozen=True)
class TimelineState:
    """end:     samples on the timeline so far; the next one is written here.
    margin:  of ``Need``, the one in force.
    shift:   timeline position minus time stamp of the stream; None before the first packet.
    slack:   (instant, how long before it was needed it came) of the needs of the last seconds.
    loudest: slowly falling root mean square of the loudest packet.
    paused:  instant of the last quiet packet.
    """

    end: int = 0
    margin: int = 0
    shift: int | None = None
    slack: tuple[tuple[int, int], ...] = ()
    loudest: float = 0.0
    paused: int = 0
    counts: Counts = Counts()


def begin(need: Need) -> TimelineState:
    """Nothing has come yet."""
    return TimelineState(margin=need.margin)


def conceal(
    until: int, need: Need, state: TimelineState
) -> tuple[NDArray[np.int16], TimelineState]:
    """Silence up to timeline sample ``until`` where sound is needed now: ``[n]`` int16."""
    missing = max(0, until - state.end)
    counts = replace(state.counts, concealed=state.counts.concealed + missing)
    # Without a microphone nothing is ever said, and no packet comes to move the margin with.
    margin = need.margin if state.shift is None else state.margin
    state = replace(state, end=state.end + missing, margin=margin, counts=counts)
    return np.zeros(missing, np.int16), state


def place(
    samples: NDArray[np.int16], stamp: int, now: int, need: Need, state: TimelineState
) -> tuple[NDArray[np.int16], TimelineState]:
    """Put one packet in its place.

    samples: ``[n]`` int16, mono at 48 kHz, n > 0.
    stamp:   of the first sample, in samples, on the stream's own count.
    now:     the instant of arrival on the timeline.
    Returns ``[m]`` int16 to append to the timeline, m >= 0, and the new state.
    """
    n = len(samples)
    if state.shift is None or abs(now - (stamp + n + state.shift)) > MOST_GAP:
        ahead = (now - n - need.first) % n  # of where packets end just where they are needed
        state = _moved_to(now - n - ahead - stamp, replace(state, slack=()))
    start = stamp + (state.shift or 0)
    point = need.within(start, start + n)
    if point is None:  # no picture waited for this packet, so it says nothing new
        return _joined(samples, stamp, state)
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    state = replace(state, loudest=max(rms, state.loudest * 0.997))
    quiet = rms < max(QUIET, QUIET_SHARE * state.loudest)
    if quiet:
        state = replace(state, paused=now)
    change = need.margin - state.margin
    if change > 0 or (change < 0 and (quiet or now - state.paused > PATIENCE)):
        state = _needed_at(need.margin, state)
    state = _noted(point + state.margin - now, now, state)

    spare = _spare(now, state)
    if (quiet and spare > n + BAND) or spare > TOO_LONG:
        counts = replace(state.counts, left_out=state.counts.left_out + n)
        return samples[:0], _moved(-n, replace(state, counts=counts))
    if quiet and spare < 0 and state.end == start and _longest_wait(state) + n <= MOST_WAIT:
        silence = np.zeros(n, np.int16)
        counts = replace(state.counts, put_in=state.counts.put_in + n)
        state = _moved(n, replace(state, end=state.end + n, counts=counts))
        samples, state = _joined(samples, stamp, state)
        return np.concatenate([silence, samples]), state
    return _joined(samples, stamp, state)


def _needed_at(margin: int, state: TimelineState) -> TimelineState:
    """Another margin; what was measured against the old one moves along."""
    later = margin - state.margin
    slack = tuple((instant, slack + later) for instant, slack in state.slack)
    return replace(state, margin=margin, slack=slack)


def _noted(slack: int, now: int, state: TimelineState) -> TimelineState:
    """Remember how long before its need a packet came."""
    past = 0  # they are in the order of time
    while past < len(state.slack) and now - state.slack[past][0] > WINDOW:
        past += 1
    return replace(state, slack=(*state.slack[past:], (now, slack)))


def _spare(now: int, state: TimelineState) -> int:
    """By how much nearly all sound came earlier than it had to; 0 while too little is known."""
    if now - state.slack[0][0] < WINDOW_JUDGED:
        return 0
    slacks = sorted([slack for _, slack in state.slack])
    return slacks[int(RARE * len(slacks))] - RESERVE


def _longest_wait(state: TimelineState) -> int:
    """What the earliest packet of late waited until it was needed."""
    return max((slack for _, slack in state.slack), default=0)


def _joined(
    samples: NDArray[np.int16], stamp: int, state: TimelineState
) -> tuple[NDArray[np.int16], TimelineState]:
    """Append the packet: fill the gap before it, or make room for it where it is late."""
    assert state.shift is not None
    overlap = state.end - (stamp + state.shift)
    lost = late = 0
    if overlap > 0:
        room = min(overlap, max(0, MOST_WAIT - _longest_wait(state)))
        state = _moved(room, state)
        late = min(overlap - room, len(samples))
        samples = samples[late:]
    elif overlap < 0:
        lost = -overlap
        samples = np.concatenate([np.zeros(lost, np.int16), samples])
    counts = state.counts
    if lost or late:
        counts = replace(counts, lost=counts.lost + lost, late=counts.late + late)
    return samples, replace(state, end=state.end + len(samples), counts=counts)


def _moved_to(shift: int, state: TimelineState) -> TimelineState:
    counts = replace(state.counts, anchored=state.counts.anchored + 1)
    return replace(state, shift=shift, counts=counts)


def _moved(by: int, state: TimelineState) -> TimelineState:
    """The anchor ``by`` samples later; what was measured against the old one moves along."""
    if by == 0:
        return state
    assert state.shift is not None
    slack = tuple((instant, slack + by) for instant, slack in state.slack)
    return _moved_to(state.shift + by, replace(state, slack=slack))
