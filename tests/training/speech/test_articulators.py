"""Controls become ARKit coefficients, and closure closes whatever the jaw does."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from engine.motion import ARKIT_INDEX  # noqa: E402
from training.speech.articulators import (  # noqa: E402
    CONTROL_INDEX,
    CONTROLS,
    articulate,
    spread_matrix,
)
from training.speech.geometry import LipGeometry, gap  # noqa: E402

pytestmark = pytest.mark.export


def test_spread_names_left_and_right() -> None:
    spread = spread_matrix()
    smile = spread[CONTROL_INDEX["mouthSmile"]]
    assert set(smile.nonzero()[0]) == {
        ARKIT_INDEX["mouthSmileLeft"],
        ARKIT_INDEX["mouthSmileRight"],
    }
    assert spread[CONTROL_INDEX["closure"], ARKIT_INDEX["mouthClose"]] == 1
    assert (spread.sum(axis=0) <= 1).all()


def test_rest_stays_rest() -> None:
    assert not articulate(torch.zeros(len(CONTROLS))).any()


@pytest.mark.parametrize("jaw", [0.0, 0.2, 0.6])
def test_closure_brings_the_lips_together(jaw: float) -> None:
    controls = torch.zeros(len(CONTROLS))
    controls[CONTROL_INDEX["jawOpen"]] = jaw
    controls[CONTROL_INDEX["mouthLowerDown"]] = 0.5
    apart = gap(LipGeometry()(articulate(controls)))
    controls[CONTROL_INDEX["closure"]] = 1.0
    together = gap(LipGeometry()(articulate(controls)))
    assert apart > 0.03
    assert abs(together) < 0.01


def test_leaves_its_input_alone() -> None:
    controls = torch.rand(3, len(CONTROLS))
    before = controls.clone()
    articulate(controls)
    assert torch.equal(controls, before)
