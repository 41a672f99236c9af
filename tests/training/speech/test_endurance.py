"""A session that never ends stays finite and answers as on its first day."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from engine.audio import decode
from engine.speech import SpeechModel
from training.speech.endurance import endure, random_sound

SPOKEN = Path(__file__).parents[2] / "spoken"


def test_a_minute_of_random_sound_leaves_no_trace() -> None:
    sentence = np.concatenate(list(decode(SPOKEN / "flite.ogg")))[:48000]
    found = endure(SpeechModel.load(), sentence, hours=1 / 60)
    assert found.not_finite == 0
    assert found.state < 50
    assert len(found.drift) == 1
    assert found.drift[0] < 0.004


def test_random_sound_is_of_every_kind_and_never_beyond_full_scale() -> None:
    rng = np.random.default_rng(0)
    pieces = [random_sound(rng, 0.5) for _ in range(30)]
    assert all(np.isfinite(p).all() and np.abs(p).max() <= 1 for p in pieces)
    assert any(not p.any() for p in pieces)
    assert any(np.abs(p).mean() > 0.3 for p in pieces)
