"""Sounds that are no speaker come in many kinds and at a known level."""

from __future__ import annotations

import numpy as np
import pytest

from training.speech.augmentation import KINDS, Surroundings
from training.speech.spectra import level_of


@pytest.fixture(scope="module")
def surroundings() -> Surroundings:
    rng = np.random.default_rng(0)
    voices = [rng.standard_normal(40000).astype(np.float32) for _ in range(3)]
    return Surroundings(voices, pieces=16)


def test_surroundings_have_unit_level_and_vary(surroundings: Surroundings) -> None:
    rng = np.random.default_rng(1)
    drawn = [surroundings.draw(40000, rng) for _ in range(10)]
    assert all(np.sqrt((d**2).mean()) == pytest.approx(1, abs=1e-3) for d in drawn)
    assert len({d.tobytes() for d in drawn}) == 10
    assert np.isfinite(np.stack(drawn)).all()


def test_their_columns_have_a_level_of_0_db_and_vary(surroundings: Surroundings) -> None:
    rng = np.random.default_rng(1)
    drawn = [surroundings.columns(200, rng) for _ in range(10)]
    assert all(d.shape == (200, 80) for d in drawn)
    assert abs(np.mean([level_of(d) for d in drawn])) < 3
    assert len({d.tobytes() for d in drawn}) == 10
    assert np.isfinite(np.stack(drawn)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_had_alone(surroundings: Surroundings, kind: str) -> None:
    piece = surroundings.piece(kind, 16000, np.random.default_rng(2))
    assert piece.shape == (16000,)
    assert np.sqrt((piece**2).mean()) == pytest.approx(1, abs=1e-3)
