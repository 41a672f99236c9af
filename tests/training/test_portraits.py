"""Faces at rest travel in one small file and give the puppet that they came from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.motion import coefficients
from export.rest import at_rest
from tests.export.conftest import Face
from training.portraits import RestPortrait, load_portraits, save_portraits

pytestmark = pytest.mark.export


def test_the_puppet_comes_back(astronaut: Face, tmp_path: Path) -> None:
    """A smile is closed before; the canvas alone makes the puppet anew."""
    puppet = at_rest(astronaut.image, astronaut.landmarks)
    portrait = RestPortrait.of(puppet)
    save_portraits({"b": portrait, "a": portrait}, tmp_path / "new" / "portraits.npz")
    assert (tmp_path / "new" / "portraits.npz").stat().st_size < 100_000
    stored = load_portraits(tmp_path / "new" / "portraits.npz")
    assert list(stored) == ["a", "b"]
    assert np.abs(stored["a"].picture.astype(float) - portrait.picture).mean() < 3
    np.testing.assert_array_equal(stored["a"].landmarks, portrait.landmarks)
    again = stored["a"].puppet()
    np.testing.assert_allclose(again.rest, puppet.rest, atol=1e-5)
    np.testing.assert_allclose(again.jaw, puppet.jaw, atol=2e-3)
    face = coefficients(jawOpen=0.4, eyeBlink=1, mouthSmile=0.3)
    new, old = (p.fields(face, 64) for p in (again, puppet))
    assert np.abs(new.flow - old.flow).max() * 64 < 0.15
    assert np.abs(new.alpha - old.alpha).mean() < 2e-3
    assert np.abs((new.colour - old.colour) * old.alpha).max() < 0.06
