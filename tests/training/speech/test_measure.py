"""The figures themselves: known curves give known numbers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.motion import ARKIT_INDEX
from training.speech.measure import (
    best_lag,
    closed_share,
    correlation,
    faces_at,
    interval,
    lip_curves,
    loudness,
    loudness_jaw,
    narrower_share,
    open_share,
    shuffled,
    silent_frames,
)
from training.speech.phones import Phone


def wave(n: int = 100) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(n).astype(np.float32)


def test_correlation() -> None:
    assert correlation(wave(), 3 * wave() + 1) == pytest.approx(1.0)
    assert correlation(wave(), -wave()) == pytest.approx(-1.0)
    assert correlation(wave(), np.ones(100, np.float32)) == 0.0
    holed = wave()
    holed[5] = np.nan
    assert correlation(wave(), holed) == pytest.approx(1.0)


@pytest.mark.parametrize("lag", [-3, 0, 2])
def test_best_lag_is_positive_when_the_first_is_late(lag: int) -> None:
    found, r = best_lag(np.roll(wave(), lag), wave())
    assert found == lag
    assert r > 0.95


def test_phone_shares() -> None:
    gap = np.full(100, 0.1, np.float32)
    gap[20:25] = 0.01
    phones = [Phone("P", 0.2, 0.3), Phone("M", 0.5, 0.6), Phone("AA", 0.6, 0.9)]
    assert closed_share(gap, phones, {"P", "M"}) == (1, 2)
    assert open_share(gap, phones, {"AA"}) == (1, 1)
    beyond = [Phone("P", 1.2, 1.3)]
    assert closed_share(gap, beyond, {"P"}) == (0, 0)


def test_closed_may_mean_nearly_closed() -> None:
    gap, phones = np.full(100, 0.03, np.float32), [Phone("F", 0.2, 0.3)]
    assert closed_share(gap, phones, {"F"}) == (0, 1)
    assert closed_share(gap, phones, {"F"}, limit=0.04) == (1, 1)


def test_rounded_phones_are_compared_with_spread_ones_pair_by_pair() -> None:
    width = np.zeros(100, np.float32)
    width[:20], width[20:40], width[40:60] = -0.1, 0.05, 0.02
    phones = [Phone("UW", 0, 0.2), Phone("IY", 0.2, 0.4), Phone("W", 0.4, 0.6), Phone("S", 0.6, 1)]
    share = narrower_share([(width, phones)], {"UW", "W"}, {"IY", "S"})
    assert share == pytest.approx(3 / 4)
    assert np.isnan(narrower_share([(width, phones[:1])], {"UW"}, {"IY"}))


def test_loudness_jaw_follows_loudness_and_rests_in_silence() -> None:
    sound = np.zeros(32000, np.float32)
    sound[8000:16000] = 0.1 * wave(8000)
    gap, _ = lip_curves(loudness_jaw(sound))
    assert gap[75] > 0.08
    assert gap[:45].max() == 0
    assert correlation(gap, loudness(sound)) == pytest.approx(1.0, abs=1e-5)


def test_silent_frames_keep_away_from_sound() -> None:
    sound = np.zeros(32000, np.float32)
    sound[8000:16000] = wave(8000)
    times = np.arange(50, dtype=np.float32) / 25
    silent = silent_frames(sound, times)
    assert silent[:7].all()
    assert not silent[8:30].any()
    assert silent[32:].all()


def test_shuffled_keeps_every_sample_but_not_their_order() -> None:
    sound = wave(32000)
    other = shuffled(sound)
    np.testing.assert_array_equal(np.sort(sound), np.sort(other))
    assert not np.array_equal(sound, other)


def test_faces_are_interpolated_between_hops() -> None:
    faces = np.zeros((3, 52), np.float32)
    faces[:, ARKIT_INDEX["jawOpen"]] = [0.0, 0.2, 0.4]
    at = faces_at(faces, np.array([0.005, 0.02], np.float32))
    np.testing.assert_allclose(at[:, ARKIT_INDEX["jawOpen"]], [0.1, 0.4], atol=1e-6)


def test_the_interval_holds_the_mean_and_leaves_out_what_is_unknown() -> None:
    low, high = interval(np.array([0.4, 0.5, 0.6, 0.5, np.nan]))
    assert 0.4 <= low < 0.5 < high <= 0.6
