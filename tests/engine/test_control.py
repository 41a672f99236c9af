"""Control: the values that may be asked of a face."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.control import NEUTRAL, RANGES, Control
from engine.errors import BadControl


def test_every_value_may_be_at_its_ends_and_not_beyond() -> None:
    for name, ends in RANGES.items():
        for end, beyond in zip(ends, (-0.01, 0.01), strict=True):
            assert getattr(replace(NEUTRAL, **{name: end}), name) == end
            with pytest.raises(BadControl, match=rf"got {name} .*, expected a number from"):
                replace(NEUTRAL, **{name: end + beyond})


@pytest.mark.parametrize(
    "wrong",
    [
        {"smile": 1.01}, {"smile": float("nan")}, {"expression": -0.1}, {"head": float("inf")},
        {"brow": "high"}, {"eyes": None}, {"liveliness": True}, {"smile": 10**400},
        {"gaze": (0.0,)}, {"gaze": (0.0, 2.0)}, {"gaze": [0.0, 0.0]}, {"pose": (0.0, 0.0)},
        {"blinks": -1}, {"blinks": 0.5}, {"blinks": True},
        {"add": {"jaw": 0.5}}, {"add": {"jawOpen": 1.5}}, {"override": {"jawOpen": -0.5}},
        {"override": {"headYaw": 1.0}}, {"add": [("jawOpen", 1)]}, {"override": {3: 0.5}},
    ],
)  # fmt: skip
def test_what_no_face_can_do_is_refused_in_words(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadControl, match=r"got .*, expected "):
        Control(**wrong)


def test_what_was_given_can_not_be_changed_behind_its_back() -> None:
    values = {"jawOpen": 0.5}
    control = Control(add=values)
    values["jawOpen"] = 9.0
    assert control.add == {"jawOpen": 0.5}
    assert control == Control(add={"jawOpen": 0.5})
