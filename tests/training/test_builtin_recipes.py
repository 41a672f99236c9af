"""Enough people in everyone, none too much, the donor's face in none, and the whole of it on real
data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.builtin.recipes import RECIPES, Recipe

everyone = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())


@everyone
def test_six_people_and_none_over_a_quarter(recipe: Recipe) -> None:
    assert len(set(recipe.faces)) == len(recipe.faces) >= 6
    assert len(set(recipe.mouths)) == len(recipe.mouths) >= 4
    assert len(set(recipe.sources)) >= 6


@everyone
def test_the_donor_gives_no_face(recipe: Recipe) -> None:
    assert recipe.donor not in recipe.sources


def test_donors_differ() -> None:
    donors = [r.donor for r in RECIPES.values()]
    assert len(donors) == len(set(donors)) >= 5


@pytest.mark.data
@everyone
def test_everyone_named_is_there(recipe: Recipe, data: Path) -> None:
    for name in (*recipe.sources, recipe.donor):
        assert (data / "portraits" / f"{name}.jpg").is_file(), name


@pytest.mark.data
@pytest.mark.export
def test_a_portrait_of_nobody(data: Path) -> None:
    from export.landmarks import FaceMesh, canthus_distance, lip_gap
    from export.puppet import CLOSED_GAP
    from training.builtin.portrait import make_portrait

    with FaceMesh() as mesh:
        picture = make_portrait(RECIPES["jonas"], data / "portraits", mesh, 384)
        landmarks = mesh.detect(picture)
    assert picture.shape == (384, 384, 3)
    assert landmarks is not None
    assert lip_gap(landmarks) < CLOSED_GAP
    assert 0.2 < canthus_distance(landmarks) / 384 < 0.4
    # The corners are paper, not the studio's blue.
    corner = picture[:40, :40].reshape(-1, 3).astype(int)
    assert np.ptp(corner.mean(0)) < 25
