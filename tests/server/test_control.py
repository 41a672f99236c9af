"""Control as texts: what is understood, what is refused in words, what comes back and how much."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.clock import MonotonicClock
from engine.control import NEUTRAL, Control
from engine.errors import BadControl
from engine.motion import ARKIT, Motion, coefficients
from server.control import MOST_BYTES, ControlChannel, described, understood
from server.metrics import SessionCounts

MOVED = Control(smile=0.5, gaze=(0.1, 0.2), add={"jawOpen": 0.2}, blinks=3)


class Channel:
    """As much of an RTCDataChannel as is used."""

    readyState = "open"

    def __init__(self) -> None:
        self.bufferedAmount = 0
        self.said: list[dict[str, Any]] = []
        self.hears: Callable[[str | bytes], None]

    def on(self, event: str, heard: Callable[[str | bytes], None]) -> None:
        assert event == "message"
        self.hears = heard

    def send(self, text: str) -> None:
        assert self.readyState == "open"
        self.said.append(json.loads(text))

    def close(self) -> None:
        self.readyState = "closed"

    def ask(self, **asked: Any) -> None:
        self.hears(json.dumps(asked))


class Ticking:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.ns = 10**12

    def now_ns(self) -> int:
        return self.ns


def opened(initial: Control = NEUTRAL) -> tuple[ControlChannel, Channel, SessionCounts]:
    counts, channel = SessionCounts(), Channel()
    controls = ControlChannel(initial, MonotonicClock(), counts, lambda pts: 7000 + pts)
    controls.open(channel)  # type: ignore[arg-type]
    return controls, channel, counts


def asked(control: Control = NEUTRAL, initial: Control = NEUTRAL, **what: Any) -> Control:
    return understood(json.dumps(what), control, initial).control


def test_sets_what_is_named_and_leaves_the_rest() -> None:
    control = asked(MOVED, set={"smile": -1, "gaze": [0.5, -0.5], "pose": [0, 1, 0]})
    assert (control.smile, control.gaze, control.pose) == (-1, (0.5, -0.5), (0, 1, 0))
    assert control.add == MOVED.add
    assert asked(control, set={"gaze": None}).gaze is None


def test_named_coefficients_are_merged_and_let_go() -> None:
    control = asked(MOVED, set={"add": {"browInnerUp": 0.3}, "override": {"headYaw": -0.02}})
    assert control.add == {"jawOpen": 0.2, "browInnerUp": 0.3}
    assert control.override == {"headYaw": -0.02}
    assert asked(control, set={"add": {"jawOpen": None}}).add == {"browInnerUp": 0.3}


def test_resets_all_or_what_is_named() -> None:
    initial = Control(smile=0.1)
    assert asked(MOVED, initial, reset=True) == Control(smile=0.1, blinks=3)
    assert asked(MOVED, initial, reset=["add", "smile"]) == Control(
        smile=0.1, gaze=(0.1, 0.2), blinks=3
    )
    assert asked(MOVED, reset=True, set={"brow": 1}) == Control(brow=1, blinks=3)


def test_blinks_when_told() -> None:
    assert asked(MOVED, do="blink").blinks == 4


def test_everything_that_can_be_set_can_be_read_back_and_set_again() -> None:
    shown = json.loads(json.dumps(described(MOVED)))
    assert asked(set=shown) == Control(**{**vars(MOVED), "blinks": 0})


@pytest.mark.parametrize(
    "text",
    [
        "", "smile", "[]", "3", "null", '"set"', "{", b"{}", b"\xff\x00", "\x00",
        '{"set": {"smile": NaN}}', '{"set": {"smile": Infinity}}', '{"set": {"smile": 1e999}}',
        '{"set": {"smile": 1.5}}', '{"set": {"smile": "1"}}', '{"set": {"smile": true}}',
        '{"set": {"smile": [0.5]}}', '{"set": {"smile": {}}}', '{"set": {"smile": null}}',
        '{"set": {"smile": ' + "9" * 4000 + "}}", '{"set": {"grin": 1}}', '{"set": {"blinks": 1}}',
        '{"set": [1]}', '{"set": null}', '{"set": {"gaze": [0]}}', '{"set": {"gaze": [0, "a"]}}',
        '{"set": {"gaze": 0}}', '{"set": {"pose": [0, 0]}}', '{"set": {"add": 1}}',
        '{"set": {"add": {"jaw": 1}}}', '{"set": {"override": {"jawOpen": -1}}}',
        '{"set": {"override": {"headYaw": 0.5}}}', '{"set": {"add": {"jawOpen": [1]}}}',
        '{"reset": "smile"}', '{"reset": ["grin"]}', '{"reset": [[1]]}', '{"reset": 1}',
        '{"do": "wink"}', '{"do": ["blink"]}', '{"do": null}', '{"motion": 1}', '{"get": "yes"}',
        '{"id": 1.5}', '{"id": {}}', '{"id": "' + "x" * 65 + '"}', '{"sett": {}}', '{"": 0}',
        '{"set": {"smile": 0.5}, "do": "wink"}', " " * MOST_BYTES + "{}", "[" * 4000,
        '{"set":' * 500, "\ud800",
    ],
)  # fmt: skip
def test_what_can_not_be_taken_is_refused_in_words_and_changes_nothing(text: str | bytes) -> None:
    with pytest.raises(BadControl, match=r"got .*, expected "):
        understood(text, MOVED, NEUTRAL)
    controls, channel, counts = opened(MOVED)
    channel.hears(text)
    assert "expected" in channel.said[-1]["error"]
    assert len(channel.said[-1]["error"]) < 400
    assert controls.control == MOVED
    assert (counts.control_taken, counts.control_refused) == (0, 1)


def test_says_what_there_is_when_it_is_opened() -> None:
    _, channel, _ = opened(MOVED)
    (hello,) = channel.said
    assert hello["version"] == 1
    assert hello["control"] == json.loads(json.dumps(described(MOVED)))
    assert hello["ranges"]["smile"] == [-1, 1]
    assert hello["coefficients"] == list(ARKIT)


def test_answers_whoever_asks_and_nobody_else() -> None:
    _, channel, counts = opened()
    channel.ask(set={"smile": 0.5})
    assert len(channel.said) == 1
    channel.ask(set={"smile": 0.6}, id="a")
    channel.ask(get=True)
    channel.ask(set={"smile": 7}, id=5)
    named, plain, refused = channel.said[1:]
    assert (named["id"], named["control"]["smile"], named["motion"]) == ("a", 0.6, False)
    assert plain["control"]["smile"] == 0.6
    assert refused["id"] == 5
    assert "got smile 7" in refused["error"]
    assert counts.control_taken == 3


def test_motion_is_told_to_whoever_wants_it() -> None:
    controls, channel, counts = opened()
    motion = Motion(coefficients(jawOpen=0.25), np.array([0.01, -0.02, 0], np.float32))
    controls.tell(640, motion)
    channel.ask(motion=True)
    controls.tell(1280, motion)
    (told,) = channel.said[1:]
    assert (told["pts"], told["rtp"], told["head"]) == (1280, 8280, [0.01, -0.02, 0])
    assert told["face"][ARKIT.index("jawOpen")] == 0.25
    channel.ask(motion=False)
    controls.tell(1920, motion)
    assert len(channel.said) == 2
    assert (counts.motions_told, counts.motions_left_out) == (1, 0)


def test_motion_that_nobody_reads_is_left_out_and_counted() -> None:
    controls, channel, counts = opened()
    channel.ask(motion=True)
    channel.bufferedAmount = 100_000
    for n in range(50):
        controls.tell(640 * n, Motion())
    channel.hears("nonsense")
    assert len(channel.said) == 1
    assert counts.motions_left_out == 50
    channel.bufferedAmount = 0
    controls.tell(640 * 50, Motion())
    assert channel.said[-1]["pts"] == 640 * 50


def test_a_second_channel_takes_the_place_of_the_first() -> None:
    controls, first, _ = opened()
    first.ask(motion=True)
    second = Channel()
    controls.open(second)  # type: ignore[arg-type]
    assert first.readyState == "closed"
    first.hears('{"set": {"smile": 1}}')
    controls.tell(0, Motion())
    assert controls.control == NEUTRAL
    assert len(second.said) == 1, "a new channel has not asked for motion"


def test_the_latest_value_wins_and_a_flood_ends_the_channel_not_the_values() -> None:
    counts, channel, clock = SessionCounts(), Channel(), Ticking()
    controls = ControlChannel(NEUTRAL, clock, counts)
    controls.open(channel)  # type: ignore[arg-type]
    for n in range(1000):  # five seconds of the most there may be
        clock.ns += 5_000_000
        channel.ask(set={"smile": n / 1000})
    assert controls.control.smile == 0.999
    assert counts.control_taken == 1000
    for _ in range(10_000):
        channel.ask(set={"smile": -1})
        if channel.readyState == "closed":
            break
    assert "too fast" in channel.said[-1]["error"]
    assert counts.control_taken < 1500
    assert controls.control.smile == -1
    controls.tell(0, Motion())


def test_the_page_about_it_says_what_is_so() -> None:
    page = (Path(__file__).parents[2] / "docs" / "control.md").read_text(encoding="utf-8")
    asked, *_ = re.findall(r"```json\n(.*?)```", page, re.S)
    request = understood(asked, NEUTRAL, NEUTRAL)
    assert (request.control.smile, request.id) == (0.4, 7)
    for name in described(NEUTRAL):
        assert f"| `{name}` |" in page, name
    assert f"{MOST_BYTES} bytes at most" in page


def test_without_a_channel_nothing_is_said() -> None:
    controls = ControlChannel(MOVED, MonotonicClock(), SessionCounts())
    controls.tell(0, Motion())
    assert controls.control == MOVED
