"""Photos at rest: closed mouths are left alone, smiles are closed once and keep their teeth."""

from __future__ import annotations

import numpy as np
import pytest

from engine.motion import Motion, coefficients
from export.landmarks import lip_gap
from export.puppet import CLOSED_GAP
from export.rest import at_rest
from tests.export.conftest import Face


def test_a_closed_mouth_is_left_alone(neutral: Face) -> None:
    puppet = at_rest(neutral.image, neutral.landmarks)
    assert puppet.image is neutral.image


@pytest.mark.export
def test_a_smile_is_closed_in_the_picture_itself(astronaut: Face) -> None:
    from export.landmarks import FaceMesh

    puppet = at_rest(astronaut.image, astronaut.landmarks)
    assert puppet.gap < 1e-6
    with FaceMesh() as mesh:
        seen = mesh.detect(puppet.image)
    assert seen is not None
    assert lip_gap(seen) < CLOSED_GAP < lip_gap(astronaut.landmarks)
    fields = puppet.fields(Motion().face, 64)
    assert np.abs(fields.flow).max() < 0.2 / 64
    assert fields.alpha.max() < 0.02, "rest is the picture, nothing is painted over it"
    above = np.s_[:60]
    np.testing.assert_array_equal(puppet.image[above], astronaut.image[above])


@pytest.mark.export
def test_the_teeth_of_the_smile_are_kept(astronaut: Face) -> None:
    puppet = at_rest(astronaut.image, astronaut.landmarks)
    teeth = puppet.teeth()
    x0, y0 = teeth.origin.astype(int)
    height, width = teeth.upper.shape[:2]
    photo = astronaut.image[y0 : y0 + height, x0 : x0 + width].astype(int)
    same = np.abs(teeth.upper[..., :3].astype(int) - photo).max(-1) < 12
    own = same & (teeth.upper[..., 3] > 200) & (photo.min(-1) > 130)
    assert own.sum() > 60, "pixels of enamel, some ten by twenty of them in this photo"
    assert puppet.fields(coefficients(jawOpen=0.4), 64).alpha.max() > 0.9
