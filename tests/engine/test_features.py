"""The four streaming properties of the log-mel spectrogram, and its scale."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.audio import HOP_SAMPLES
from engine.features import BANDS, FLOOR, LogMel, mel_filters


@pytest.fixture(scope="module")
def log_mel() -> LogMel:
    return LogMel()


def noise(seed: int, n: int = 8000) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def in_chunks(log_mel: LogMel, samples: NDArray[np.float32], chunk: int) -> NDArray[np.float32]:
    state, parts = log_mel.initial_state(), []
    for i in range(0, len(samples), chunk):
        columns, state = log_mel.step(samples[i : i + chunk], state)
        parts.append(columns)
    return np.concatenate(parts)


def test_a_column_comes_with_the_last_sample_of_its_hop(log_mel: LogMel) -> None:
    columns, state = log_mel.step(noise(0, HOP_SAMPLES - 1), log_mel.initial_state())
    assert columns.shape == (0, BANDS)
    columns, state = log_mel.step(noise(1, 1), state)
    assert columns.shape == (1, BANDS)
    assert columns.dtype == np.float32
    assert len(in_chunks(log_mel, noise(0, 16000), 640)) == 100


def test_causal(log_mel: LogMel) -> None:
    sound, changed = noise(0), noise(0)
    changed[10 * HOP_SAMPLES :] = 0.5
    a, b = in_chunks(log_mel, sound, 8000), in_chunks(log_mel, changed, 8000)
    np.testing.assert_array_equal(a[:10], b[:10])
    assert not np.allclose(a[10], b[10])


@pytest.mark.parametrize("chunk", [1, 100, 160, 333, 640, 5000])
def test_chunked_equals_whole(log_mel: LogMel, chunk: int) -> None:
    sound = noise(0, 3200)
    np.testing.assert_allclose(
        in_chunks(log_mel, sound, chunk), in_chunks(log_mel, sound, len(sound)), atol=1e-4
    )


def test_reset_equals_fresh(log_mel: LogMel) -> None:
    fresh, _ = LogMel().step(noise(1), LogMel().initial_state())
    log_mel.step(noise(0), log_mel.initial_state())
    reset, _ = log_mel.step(noise(1), log_mel.initial_state())
    np.testing.assert_array_equal(fresh, reset)


def test_interleaved_sessions_equal_separate_ones(log_mel: LogMel) -> None:
    states, out = [log_mel.initial_state()] * 2, ([], [])
    for i in range(0, 3200, 320):
        for who in (0, 1):
            columns, states[who] = log_mel.step(noise(who, 3200)[i : i + 320], states[who])
            out[who].append(columns)
    for who in (0, 1):
        expected = in_chunks(log_mel, noise(who, 3200), 320)
        np.testing.assert_array_equal(np.concatenate(out[who]), expected)


def test_a_step_does_not_change_the_state_it_was_given(log_mel: LogMel) -> None:
    state = log_mel.initial_state()
    first, _ = log_mel.step(noise(0), state)
    second, _ = log_mel.step(noise(0), state)
    np.testing.assert_array_equal(first, second)


def test_full_scale_sine_is_about_zero_and_silence_is_the_floor(log_mel: LogMel) -> None:
    sine = np.sin(2 * np.pi * 1000 * np.arange(1600) / 16000).astype(np.float32)
    columns, _ = log_mel.step(sine, log_mel.initial_state())
    assert -1.0 < columns[-1].max() < 1.0
    silence, _ = log_mel.step(np.zeros(1600, np.float32), log_mel.initial_state())
    np.testing.assert_allclose(silence, np.log(FLOOR), rtol=1e-5)


def test_every_band_hears_something_and_bands_rise() -> None:
    filters = mel_filters()
    assert filters.shape == (BANDS, 513)
    assert (filters.max(axis=1) > 0.3).all()
    assert (np.diff(filters.argmax(axis=1)) >= 0).all()
