"""The hand-set start of the fit: complete, in range, and right where lip readers look."""

from __future__ import annotations

import pytest

from training.speech.articulators import CONTROL_INDEX, CONTROLS
from training.speech.phones import ARPABET, Phone
from training.speech.visemes import (
    GROUP_OF_CONTROL,
    GROUPS,
    VISEME_INDEX,
    VISEMES,
    initial_dominance,
    initial_targets,
    split,
)


def test_every_phone_is_one_viseme_or_two() -> None:
    for name in ARPABET:
        parts = split((Phone(name, 1.0, 2.0),))
        assert 1 <= len(parts) <= 2
        assert parts[0].start == 1.0
        assert parts[-1].end == 2.0
        assert all(p.name in VISEME_INDEX for p in parts)


def test_shapes_and_range() -> None:
    targets, dominance = initial_targets(), initial_dominance()
    assert targets.shape == (len(VISEMES), len(CONTROLS))
    assert dominance.shape == (len(VISEMES), len(GROUPS))
    assert len(GROUP_OF_CONTROL) == len(CONTROLS)
    assert targets.min() >= 0
    assert targets.max() <= 1
    assert dominance.min() > 0
    assert targets[:, CONTROL_INDEX["jawOpen"]].max() <= 0.6


def test_silence_is_rest_and_everything_else_is_not() -> None:
    targets = initial_targets()
    assert not targets[VISEME_INDEX["SIL"]].any()
    assert (targets[1:].sum(axis=1) > 0).all()


@pytest.mark.parametrize("bilabial", ["P", "B", "M"])
def test_bilabials_close_and_insist_on_it(bilabial: str) -> None:
    row = VISEME_INDEX[bilabial]
    assert initial_targets()[row, CONTROL_INDEX["closure"]] == 1
    closing = initial_dominance()[:, GROUPS.index("closing")]
    assert closing[row] == closing.max()
