"""The shipped generator as the seed method's: at rest it is the photo, with motion it moves."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from export.losses import composite  # noqa: E402
from training.paper.lite import LiteFeatures  # noqa: E402
from training.paper.material import Material  # noqa: E402
from training.paper.objective import Objective, Without  # noqa: E402

pytestmark = pytest.mark.export


def test_a_face_at_rest_is_its_photo_and_one_in_motion_is_not(space, talking) -> None:
    codes, pivot = space.codes_of(talking, talking.motion)
    assert torch.equal(codes[0], pivot)
    who = torch.zeros(2, dtype=torch.long)
    with torch.no_grad():
        drawn = space.draw(codes[[0, 15]], who)
    still = composite(space.photos, space.rest) * 2 - 1
    # Colour is not relative to the pivot's: where a smile is covered it may be off a little.
    assert (drawn[:1] - still).abs().mean() < 0.003
    changed = (drawn[1] - drawn[0]).abs().mean(0)
    assert changed[64:104].max() > 0.3  # the mouth
    assert changed[:24].max() < 0.1  # the brow


def test_stage_one_is_measured_in_this_space(space, talking) -> None:
    material = Material([talking], space, torch.device("cpu"))
    _, _, codes, who, pivot = material.windows(1, np.random.default_rng(0))
    objective = Objective(space, LiteFeatures(space.prior), Without.NOTHING, (1.0, 20.0), 4)
    perfect, parts = objective(codes[0], codes[0], who[0], False)
    assert float(perfect) == pytest.approx(0.0, abs=1e-3)
    still, _ = objective(pivot.expand(25, -1, -1), codes[0], who[0], False)
    assert float(still) > 1
    assert set(parts) == {"latent", "lpips"}
    assert "this project" in objective.phi.name
