"""Augmentation changes what a microphone would change, and nothing that the lips depend on."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from training.speech.augmentation import Surroundings, change_speed, colour


@pytest.fixture(scope="module")
def surroundings() -> Surroundings:
    rng = np.random.default_rng(0)
    voices = [rng.standard_normal(40000).astype(np.float32) for _ in range(3)]
    return Surroundings(voices, pieces=16)


def tone(hz: float, n: int = 16000) -> NDArray[np.float32]:
    return np.sin(2 * np.pi * hz * np.arange(n) / 16000).astype(np.float32)


def test_faster_sound_is_shorter_and_higher() -> None:
    fast = change_speed(tone(200.0), 1.25, 12000)
    assert fast.shape == (12000,)
    assert np.abs(np.fft.rfft(fast)).argmax() * 16000 / 12000 == pytest.approx(250, abs=2)


def test_what_is_missing_is_silence() -> None:
    assert not change_speed(tone(200.0, 1000), 1.0, 2000)[1001:].any()


@pytest.mark.parametrize("seed", range(6))
def test_room_and_microphone_do_not_delay(seed: int) -> None:
    """A click stays where it was, or lips would learn to be late."""
    click = np.zeros(8000, np.float32)
    click[1000] = 1.0
    out = colour(click, np.random.default_rng(seed))
    assert out.shape == click.shape
    assert abs(int(np.abs(out).argmax()) - 1000) <= 16


def test_surroundings_have_unit_level_and_vary(surroundings: Surroundings) -> None:
    rng = np.random.default_rng(1)
    drawn = [surroundings.draw(40000, rng) for _ in range(10)]
    assert all(np.sqrt((d**2).mean()) == pytest.approx(1, abs=1e-3) for d in drawn)
    assert len({d.tobytes() for d in drawn}) == 10
    assert np.isfinite(np.stack(drawn)).all()
