"""Texts on the control channel that no page sent."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.control import NEUTRAL, Control
from engine.controller import Controller
from engine.errors import BadControl
from engine.motion import ARKIT, coefficients
from server.control import described, understood

ODD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from([0, 1, -1, 0.5, 1e999, -0.0, 10**400, "NaN", "jawOpen", "blink"])
)  # fmt: skip
NAMES = st.sampled_from(
    [*Control.__dataclass_fields__, "set", "reset", "do", "motion", "get", "id", "headYaw",
     "jawOpen", "tongueOut", "", "__class__", "constructor"]
) | st.text(max_size=12)  # fmt: skip
VALUES = st.recursive(
    ODD, lambda v: st.lists(v, max_size=3) | st.dictionaries(NAMES, v, max_size=3), max_leaves=5
)
CONTROLS = st.builds(
    Control,
    smile=st.floats(-1, 1),
    gaze=st.none() | st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    override=st.dictionaries(st.sampled_from(ARKIT), st.floats(0, 1), max_size=3),
)


def taken(text: str | bytes, control: Control, tried: Any) -> None:
    """Understood, or refused in our own words; what is understood moves a face within bounds."""
    tried["tried"] += 1
    said, after = "expected", control
    try:
        after = understood(text, control, NEUTRAL).control
        tried["taken"] += 1
    except BadControl as error:
        said = str(error)
    assert "expected" in said
    assert len(said) < 500
    json.dumps(described(after), allow_nan=False)
    controller = Controller()
    state = controller.initial_state(control)
    for n in range(3):
        motion, state = controller.step(coefficients(jawOpen=1), n * 640, 0, after, state)
        assert 0 <= motion.face.min() <= motion.face.max() <= 1
        assert abs(motion.head).max() < 0.15


@given(what=st.dictionaries(NAMES, VALUES, max_size=3), control=CONTROLS)
def test_any_json(what: Any, control: Control, tried: Any) -> None:
    taken(json.dumps(what), control, tried)


@given(
    changes=st.dictionaries(
        st.sampled_from(list(Control.__dataclass_fields__)),
        st.floats(-1, 1)
        | st.none()
        | st.lists(st.floats(-1, 1), min_size=2, max_size=3)
        | st.dictionaries(st.sampled_from(ARKIT), st.none() | st.floats(-1, 1), max_size=4),
        max_size=4,
    ),
    control=CONTROLS,
)
def test_values_that_might_be_good(changes: Any, control: Control, tried: Any) -> None:
    taken(json.dumps({"set": changes}), control, tried)


@given(
    text=st.text(max_size=200) | st.binary(max_size=200) | st.text('[]{}":,0129.eE-', max_size=300)
)
def test_any_text(text: str | bytes, tried: Any) -> None:
    taken(text, NEUTRAL, tried)
