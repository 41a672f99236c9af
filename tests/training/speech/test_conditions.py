"""Conditions change a voice as they say and do not delay it, or lips would be judged late."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.audio import decode
from training.speech.conditions import (
    babble,
    clipped,
    conditions,
    gap_of_a_second,
    narrow_band,
    opus,
)

Sound = NDArray[np.float32]


@pytest.fixture(scope="module")
def sound() -> Sound:
    return np.concatenate(list(decode(Path(__file__).parents[2] / "spoken" / "flite.ogg")))[:48000]


@pytest.fixture(scope="module")
def voices() -> list[Sound]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal(20000 + 999 * k).astype(np.float32) for k in range(7)]


@pytest.mark.parametrize(
    "name", ["babble at 10 dB", "12 dB softer", "Opus at 16 kbit/s", "clipped at 12 dB over",
             "DC offset of 0.1", "telephone band"],
)  # fmt: skip
def test_is_a_voice_of_the_same_length_that_comes_undelayed(
    name: str, sound: Sound, voices: list[Sound]
) -> None:
    changed = conditions(voices)[name](sound)
    assert changed.shape == sound.shape
    assert changed.dtype == np.float32
    assert not np.array_equal(changed, sound)
    likeness = np.fft.irfft(np.fft.rfft(changed, 1 << 17) * np.fft.rfft(sound, 1 << 17).conj())
    peak = int(likeness.argmax())
    assert min(peak, (1 << 17) - peak) < 80, "5 ms"


def test_babble_has_the_level_it_is_asked_for(sound: Sound, voices: list[Sound]) -> None:
    added = babble(sound, voices, 10.0) - sound
    assert 10 * np.log10((sound**2).mean() / (added**2).mean()) == pytest.approx(10, abs=0.1)


def test_clipping_cuts_peaks(sound: Sound) -> None:
    assert np.abs(clipped(sound)).max() == pytest.approx(np.abs(sound).max() / 4, rel=0.01)


def test_a_telephone_has_no_treble(sound: Sound) -> None:
    spectrum = np.abs(np.fft.rfft(narrow_band(sound))) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / 16000)
    assert spectrum[hz > 4200].sum() < 1e-4 * spectrum.sum()


def test_opus_is_lossy_but_close(sound: Sound) -> None:
    back = opus(sound)
    assert np.corrcoef(back, sound)[0, 1] > 0.7


def test_a_gap_is_one_second_of_nothing(sound: Sound) -> None:
    out = gap_of_a_second(sound, 1.0)
    assert not out[16000:32000].any()
    np.testing.assert_array_equal(out[:16000], sound[:16000])
