"""Motion: ARKit's names in Apple's order, and motions on top of each other."""

from __future__ import annotations

import numpy as np
import pytest

from engine.motion import ARKIT, ARKIT_INDEX, Motion, coefficients


def test_names_are_apples() -> None:
    assert len(ARKIT) == len(set(ARKIT)) == 52
    assert (ARKIT[0], ARKIT[17], ARKIT[51]) == ("eyeBlinkLeft", "jawOpen", "tongueOut")
    sided = {name for name in ARKIT if name.endswith(("Left", "Right"))}
    for name in sided - {"jawLeft", "jawRight", "mouthLeft", "mouthRight"}:
        other = name.replace("Left", "@").replace("Right", "Left").replace("@", "Right")
        assert other in sided


def test_a_bare_name_means_both_sides() -> None:
    face = coefficients(eyeBlink=0.7, jawOpen=0.2, mouthSmileLeft=0.1)
    assert face.dtype == np.float32
    named = {name: face[k] for name, k in ARKIT_INDEX.items() if face[k]}
    assert named == pytest.approx(
        {"eyeBlinkLeft": 0.7, "eyeBlinkRight": 0.7, "jawOpen": 0.2, "mouthSmileLeft": 0.1}
    )


@pytest.mark.parametrize("name", ["chin", "JawOpen", "eyeblink"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(KeyError):
        coefficients(**{name: 1.0})


def test_motions_add_up_within_limits() -> None:
    a = Motion(coefficients(jawOpen=0.7), np.array([0.1, 0, 0], np.float32))
    b = Motion(coefficients(jawOpen=0.6, eyeBlink=0.5), np.array([0.1, 0.2, 0], np.float32))
    both = a.plus(b)
    np.testing.assert_array_equal(both.face, coefficients(jawOpen=1.0, eyeBlink=0.5))
    np.testing.assert_allclose(both.head, [0.2, 0.2, 0])
    np.testing.assert_array_equal(a.face, coefficients(jawOpen=0.7))


def test_two_motions_share_nothing() -> None:
    a, b = Motion(), Motion()
    a.face[0] = 1
    assert b.face[0] == 0


@pytest.mark.parametrize(("face", "head"), [(51, 3), (52, 2)])
def test_wrong_shapes_are_programming_errors(face: int, head: int) -> None:
    with pytest.raises(AssertionError, match="expected"):
        Motion(np.zeros(face, np.float32), np.zeros(head, np.float32))
