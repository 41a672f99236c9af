"""The controller: where a face is asked to go, how it gets there, and that it never jumps."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, decode
from engine.compositor import HEAD_LIMIT
from engine.control import NEUTRAL, Control
from engine.controller import Controller, ControlState
from engine.liveliness import Liveliness
from engine.motion import ARKIT_INDEX, Motion, coefficients
from engine.speech import SpeechModel
from training.speech.measure import closed_share, lip_curves, open_share, speak
from training.speech.phones import BILABIALS, Phone

SPOKEN = Path(__file__).parent.parent / "spoken"
SILENCE = coefficients()


def run(
    controls: list[Control],
    speech: NDArray[np.float32] = SILENCE,
    state: ControlState | None = None,
    controller: Controller | None = None,
    begin: int = 0,
) -> tuple[NDArray[np.float32], ControlState]:
    """``[frames, 55]``, one frame for each control."""
    controller = controller or Controller()
    state = state or controller.initial_state()
    rows = []
    for n, control in enumerate(controls, begin):
        motion, state = controller.step(speech, n * FRAME_SAMPLES, 3, control, state)
        rows.append(np.concatenate([motion.face, motion.head]))
    return np.stack(rows), state


def held(control: Control, **kwargs: Any) -> NDArray[np.float32]:
    """``[55]`` when it has arrived, without liveliness."""
    return run([control] * 75, controller=Controller(liveliness=0), **kwargs)[0][-1]


def at(row: NDArray[np.float32], name: str) -> float:
    return float(row[ARKIT_INDEX[name]])


def test_neutral_is_speech_and_liveliness_to_the_bit() -> None:
    speech, living = coefficients(jawOpen=0.4, mouthFunnel=0.3), Liveliness(seed=3)
    rows, state = run([NEUTRAL] * 150, speech)
    for n, row in enumerate(rows):
        expected = living.motion(n * FRAME_SAMPLES).plus(Motion(speech))
        np.testing.assert_array_equal(row, np.concatenate([expected.face, expected.head]))
    np.testing.assert_array_equal(state.values, Controller().initial_state().values)


def test_back_at_neutral_it_is_so_to_the_bit_again() -> None:
    moved = Control(smile=1, brow=-1, gaze=(1, 1), add={"jawOpen": 0.5}, override={"headYaw": 0.05})
    rows, _ = run([moved] * 40 + [NEUTRAL] * 100)
    np.testing.assert_array_equal(rows[-20:], run([NEUTRAL] * 140)[0][-20:])


@pytest.mark.parametrize(
    ("end", "share"),
    [
        ({"expression": 2.0}, 0.22), ({"expression": 0.0}, 0.22),
        ({"smile": 1.0}, 0.22), ({"smile": -1.0}, 0.22),
        ({"brow": 1.0}, 0.22), ({"brow": -1.0}, 0.22),
        ({"eyes": 1.0}, 0.22), ({"eyes": -1.0}, 0.22),
        ({"pose": (1.0, -1.0, 1.0)}, 0.16),
        ({"gaze": (-1.0, 1.0)}, 0.56), ({"gaze": (1.0, -1.0)}, 0.56),
        ({"add": {"jawOpen": 0.6}}, 0.5), ({"override": {"jawOpen": 0.9}}, 0.5),
    ],
)  # fmt: skip
def test_a_value_that_jumps_does_not_make_the_face_jump(end: dict[str, Any], share: float) -> None:
    still = Controller(liveliness=0)
    way, _ = run([NEUTRAL] * 2 + [Control(**end)] * 60, coefficients(jawOpen=0.3), controller=still)
    way -= way[0]
    assert np.abs(way[-1]).max() > 0.05
    steps = np.abs(np.diff(way, axis=0))
    assert np.all(steps <= share * np.abs(way[-1]) + 1e-6)
    moved = way[:, np.abs(way[-1]) > 0]
    assert (np.diff(moved / moved[-1], axis=0)).min() > -1e-4, "overshoots, or turns back"


def test_head_motion_that_jumps_does_not_make_the_head_jump() -> None:
    rows, _ = run([Control(head=0.0)] * 50 + [Control(head=2.0)] * 50 + [Control(head=0.0)] * 50)
    assert np.abs(rows[:, 52:]).max() > np.radians(0.3)
    assert np.abs(np.diff(rows[:, 52:], axis=0)).max() < np.radians(0.35)


def test_a_blink_that_has_begun_ends_as_it_began() -> None:
    """Whenever liveliness is turned down or up, lids move no faster than in any blink."""
    begun = run([NEUTRAL] * 100)[0][:, ARKIT_INDEX["eyeBlinkLeft"]]
    first = int(np.argmax(begun > 0.05))
    fastest = np.abs(np.diff(begun)).max()
    for when in range(first - 4, first + 9):
        for before, after in ((1.0, 0.0), (0.0, 1.0)):
            state = Controller().initial_state(Control(liveliness=before))
            controls = [Control(liveliness=before)] * 12 + [Control(liveliness=after)] * 12
            rows, _ = run(controls, state=state, begin=when - 12)
            lids = rows[:, ARKIT_INDEX["eyeBlinkLeft"]]
            assert np.abs(np.diff(lids)).max() <= fastest + 0.02


def test_a_blink_can_be_asked_for() -> None:
    still = replace(NEUTRAL, liveliness=0.0)
    rows, state = run([still] * 50 + [replace(still, blinks=1)] * 20)
    lids = rows[:, ARKIT_INDEX["eyeBlinkLeft"]]
    assert lids[:50].max() < 0.05
    assert lids[50] > 0.2, "at once"
    assert lids[50:].max() > 0.99
    assert lids[-8:].max() < 0.05
    # Several at once are one; one asked for meanwhile follows.
    more = [replace(still, blinks=5)] * 3 + [replace(still, blinks=6)] * 30
    lids = run(more, state=state, begin=70)[0][:, ARKIT_INDEX["eyeBlinkLeft"]]
    assert ((lids[1:] > 0.9) & (lids[:-1] <= 0.9)).sum() == 2


def test_expression_is_how_far_the_mouth_goes() -> None:
    speech = coefficients(jawOpen=0.4, mouthLowerDown=0.7)
    once, twice, none = (held(Control(expression=x), speech=speech) for x in (1.0, 2.0, 0.0))
    assert at(twice, "jawOpen") > 1.5 * at(once, "jawOpen")
    assert at(once, "mouthLowerDownLeft") < at(twice, "mouthLowerDownLeft") < 1, "within reach"
    assert not none.any()


def test_head_motion_is_how_far_it_sways() -> None:
    once, twice, none = (run([Control(head=x)] * 150)[0][50:, 52:] for x in (1.0, 2.0, 0.0))
    np.testing.assert_allclose(twice, 2 * once, atol=1e-6)
    assert not none.any()


def test_smile_brow_and_eyes_look_like_themselves() -> None:
    assert at(held(Control(smile=1)), "mouthSmileLeft") > 0.5
    assert at(held(Control(smile=-1)), "mouthFrownRight") > 0.3
    assert at(held(Control(brow=1)), "browInnerUp") > 0.4
    assert at(held(Control(brow=-1)), "browDownLeft") > 0.4
    assert at(held(Control(eyes=1)), "eyeWideLeft") > 0.4
    assert at(held(Control(eyes=-1)), "eyeSquintLeft") > 0.4
    assert not held(NEUTRAL).any()


def test_rounded_lips_smile_less() -> None:
    spread = held(Control(smile=1))
    rounded = held(Control(smile=1), speech=coefficients(mouthPucker=0.9))
    assert at(rounded, "mouthSmileLeft") < 0.6 * at(spread, "mouthSmileLeft")


def test_lips_meet_on_p_b_m_and_part_on_vowels_while_smiling_and_frowning() -> None:
    phones = [Phone(*p) for p in json.loads((SPOKEN / "phones.json").read_text())["flite"]]
    said = speak(SpeechModel.load(), np.concatenate(list(decode(SPOKEN / "flite.ogg"))))
    bilabials = [p for p in phones if p.name in BILABIALS]
    vowels = [p for p in phones if p.name in {"AA", "AE", "AO", "AW", "AY"}]
    hops = {k for p in bilabials + vowels for k in range(int(p.start * 100), int(p.end * 100) + 1)}
    closed, opened = {}, {}
    for smile in (0.0, 1.0, -1.0):
        control = Control(smile=smile)
        controller = Controller(liveliness=0)
        state = controller.initial_state(control)
        faces = said.copy()
        for k in hops & set(range(len(said))):
            faces[k] = controller.step(said[k], k * 160, 0, control, state)[0].face
        gap, _ = lip_curves(faces)
        closed[smile], _ = closed_share(gap, phones, BILABIALS)
        opened[smile], _ = open_share(gap, phones, {p.name for p in vowels})
    assert closed[0] > 0.75 * len(bilabials)
    assert closed[1] >= closed[0] <= closed[-1]
    assert opened[1] >= opened[0] <= opened[-1]


def test_wide_eyes_close_in_a_blink_and_narrow_ones_too() -> None:
    for eyes in (-1.0, 1.0):
        rows, _ = run([Control(eyes=eyes, liveliness=0, blinks=int(n > 3)) for n in range(12)])
        shut = rows[:, ARKIT_INDEX["eyeBlinkLeft"]].argmax()
        assert at(rows[shut], "eyeBlinkLeft") == 1
        assert at(rows[shut], "eyeWideLeft") == 0


def test_the_gaze_goes_where_it_is_told_and_stays_alive() -> None:
    right_up = held(Control(gaze=(1.0, 1.0)))
    assert at(right_up, "eyeLookOutLeft") == at(right_up, "eyeLookInRight") > 0.3
    assert at(right_up, "eyeLookUpLeft") == at(right_up, "eyeLookUpRight") > 0.3
    left_down = held(Control(gaze=(-1.0, -1.0)))
    assert at(left_down, "eyeLookInLeft") == at(left_down, "eyeLookOutRight") > 0.3
    assert at(left_down, "eyeLookDownLeft") > 0.3
    rows = run([Control(gaze=(0.5, 0.0))] * 200)[0][50:, ARKIT_INDEX["eyeLookOutLeft"]]
    assert rows.min() > 0.1
    assert rows.std() > 0.003, "a stare"


def test_the_head_turns_where_it_is_told_within_its_limit() -> None:
    turned = held(Control(pose=(1.0, -0.5, 0.0)))
    np.testing.assert_allclose(turned[52:], HEAD_LIMIT * np.array([1, -0.5, 0]), rtol=1e-5)
    rows = run([Control(pose=(1.0, 1.0, 1.0), head=2.0)] * 200)[0]
    assert np.abs(rows[:, 52:]).max() <= HEAD_LIMIT + 1e-6


def test_by_hand_adds_and_overrides() -> None:
    speech = coefficients(jawOpen=0.4)
    assert at(held(Control(add={"jawOpen": 0.3}), speech=speech), "jawOpen") == pytest.approx(0.7)
    assert at(held(Control(add={"jawOpen": -1}), speech=speech), "jawOpen") == 0
    whole = held(Control(override={"jawOpen": 0.1, "headRoll": -0.05}), speech=speech)
    assert at(whole, "jawOpen") == pytest.approx(0.1)
    assert whole[54] == pytest.approx(-0.05)


def test_a_stream_can_begin_where_it_is_told() -> None:
    controller, control = Controller(liveliness=0), Control(smile=0.8, gaze=(0.3, 0), blinks=4)
    rows, _ = run([control] * 5, state=controller.initial_state(control), controller=controller)
    np.testing.assert_allclose(rows[0], held(replace(control, blinks=0)), atol=1e-3)
    np.testing.assert_array_equal(rows[0], rows[-1])


def test_an_old_state_can_be_taken_up_again() -> None:
    _, state = run([Control(smile=1)] * 3)
    once, _ = run([Control(brow=1)] * 5, state=state, begin=3)
    again, _ = run([Control(brow=1)] * 5, state=state, begin=3)
    np.testing.assert_array_equal(once, again)
