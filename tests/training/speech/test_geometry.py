"""Coefficients move the lips as the landmark basis says."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.speech.articulators import CONTROL_INDEX, CONTROLS, spread_matrix  # noqa: E402
from training.speech.geometry import LipGeometry, gap, width  # noqa: E402
from training.speech.lips import gap_and_width  # noqa: E402
from training.speech.measure import lip_curves, lips_of  # noqa: E402

pytestmark = pytest.mark.export


@pytest.mark.parametrize(
    ("name", "gap_sign", "width_sign"),
    [("jawOpen", 1, None), ("mouthPucker", None, -1), ("mouthStretch", None, 1)],
)
def test_moves_the_way_its_name_says(
    name: str, gap_sign: int | None, width_sign: int | None
) -> None:
    moved = LipGeometry()(torch.eye(len(CONTROLS))[CONTROL_INDEX[name]])
    if gap_sign:
        assert gap(moved) * gap_sign > 0.1
    if width_sign:
        assert width(moved) * width_sign > 0.05


def test_agrees_with_the_run_time_measure() -> None:
    """Training's torch and evaluation's numpy must mean the same lips."""
    coefficients = torch.rand(5, len(CONTROLS))
    lips = LipGeometry()(coefficients)
    faces = coefficients.numpy() @ spread_matrix()
    np.testing.assert_allclose(lips_of(faces), lips.numpy(), atol=1e-6)
    for ours, theirs in zip(gap_and_width(lips.numpy()), lip_curves(faces), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    np.testing.assert_allclose(gap(lips).numpy(), lip_curves(faces)[0], atol=1e-6)
