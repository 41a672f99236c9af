"""A masked face model hears all but the named coefficients."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")
from engine.face import FaceModel
from engine.motion import ARKIT, coefficients
from export.canvas import canvas_picture
from export.masked import EYES_AND_BROWS, masked
from export.puppet import Puppet
from export.template import PREFIX, Template
from tests.export.conftest import Face

pytestmark = pytest.mark.export


def test_hidden_eyes_rest_while_the_mouth_moves(neutral: Face) -> None:
    template = Template.load()
    rng = np.random.default_rng(0)
    own = {n.removeprefix(PREFIX): rng.random(s).astype(np.float32) * 0.1
           for n, s in template.model.inputs.items() if n.startswith(PREFIX)}  # fmt: skip
    puppet = Puppet(neutral.image, neutral.landmarks)
    picture = canvas_picture(puppet.image, puppet.matrix, 128)
    rest = np.zeros((3, 128, 128), np.float32)
    identity = template.identity(
        picture, puppet.rest, rest, **{k: v for k, v in own.items() if k not in ("w", "offset")}
    )
    whole = template.filled(identity)
    full, still = FaceModel(whole), FaceModel(masked(whole, EYES_AND_BROWS))
    speaking = coefficients(jawOpen=0.5, mouthSmile=0.3)
    awake = coefficients(eyeBlink=1, browInnerUp=0.6, eyeLookUpLeft=0.4)
    rested = still.canvas(np.zeros(52, np.float32)).flow
    np.testing.assert_allclose(still.canvas(awake).flow, rested, atol=1e-6)
    assert np.abs(full.canvas(awake).flow - rested).max() > 0.01
    np.testing.assert_allclose(
        still.canvas(speaking + awake).flow, full.canvas(speaking).flow, atol=1e-5
    )


def test_the_mouth_is_not_among_what_is_hidden_with_the_eyes() -> None:
    assert set(EYES_AND_BROWS) < set(ARKIT)
    assert not any(n.startswith(("jaw", "mouth", "tongue")) for n in EYES_AND_BROWS)
    assert len(EYES_AND_BROWS) == 14 + 5 + 2
