"""What is done to spectrograms is what the same thing does to sound, and nothing is delayed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from training.speech.spectra import (
    columns_of,
    level_of,
    microphone,
    mixed,
    resized,
    room,
    sampled,
    silent_columns,
)


def vowel(pitch: float, formant: float, n: int = 16000) -> NDArray[np.float32]:
    t = np.arange(n) / 16000
    partials = [
        np.sin(2 * np.pi * pitch * k * t) * np.exp(-(((pitch * k - formant) / 400) ** 2))
        for k in range(1, int(7000 / pitch))
    ]
    return (0.1 * np.sum(partials, axis=0)).astype(np.float32)


def test_a_shorter_throat_is_the_same_sound_played_faster() -> None:
    """Pitch and formant both rise by a fifth of an octave."""
    made = resized(columns_of(vowel(200, 1000)), 1.15)[50]
    real = columns_of(vowel(230, 1150))[50]
    loud = real > real.max() - 6
    assert abs(int(made.argmax()) - int(real.argmax())) <= 1
    assert np.corrcoef(made[loud], real[loud])[0, 1] > 0.9


@pytest.mark.parametrize("gain", [-20.0, 6.0])
def test_gain_and_level_are_decibels(gain: float) -> None:
    columns = columns_of(vowel(120, 700))
    louder = mixed(columns, gain, silent_columns(len(columns)), -300)
    assert level_of(louder) - level_of(columns) == pytest.approx(gain, abs=0.1)
    real = columns_of(vowel(120, 700) * np.float32(10 ** (gain / 20)))
    strong = real[50] > -12
    np.testing.assert_allclose(louder[50][strong], real[50][strong], atol=0.02)


def test_mixing_adds_power_as_mixing_sound_does() -> None:
    rng = np.random.default_rng(0)
    a, b = (0.1 * rng.standard_normal(32000).astype(np.float32) for _ in range(2))
    real = np.exp(columns_of(a + 0.5 * b)).mean(axis=0)
    made = np.exp(mixed(columns_of(a), 0.0, columns_of(b), 20 * np.log10(0.5))).mean(axis=0)
    np.testing.assert_allclose(made, real, rtol=0.25)  # but for the phases
    assert made.sum() == pytest.approx(real.sum(), rel=0.03)


def test_sampling_at_whole_indices_changes_nothing_and_outside_is_silence() -> None:
    columns = columns_of(vowel(120, 700))
    at = np.arange(-3, len(columns) + 3, dtype=np.float64)
    found = sampled(columns, at)
    np.testing.assert_array_equal(found[3:-3], columns)
    np.testing.assert_array_equal(found[:3], silent_columns(3))
    np.testing.assert_array_equal(found[-3:], silent_columns(3))
    np.testing.assert_array_equal(sampled(columns[:0], at[:4]), silent_columns(4))


@pytest.mark.parametrize("seed", range(4))
def test_room_and_microphone_do_not_delay(seed: int) -> None:
    """A click stays where it was, or lips would learn to be late."""
    rng, sound = np.random.default_rng(seed), np.zeros(16000, np.float32)
    sound[8000:8160] = 0.5 * rng.standard_normal(160)
    columns = columns_of(sound)
    changed = room(microphone(columns, rng), rng)
    assert changed.shape == columns.shape
    assert np.isfinite(changed).all()
    energy = np.exp(changed).sum(axis=1)
    assert int(energy.argmax()) == int(np.exp(columns).sum(axis=1).argmax())
    np.testing.assert_allclose(energy[:48], energy[:48].mean(), rtol=0.2)
    assert energy[54:60].min() > 2 * energy[0], "a room rings on"
