"""The audio encoder hears 280 ms around its own frame, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("python_speech_features")

from engine.audio import FRAME_SAMPLES
from training.paper.sound import mfcc_windows

RNG = np.random.default_rng(0)
SOUND = (0.1 * RNG.standard_normal(40 * FRAME_SAMPLES)).astype(np.float32)


def test_shape_and_what_lies_beyond_the_ends() -> None:
    windows = mfcc_windows(SOUND[:5000], 25)
    assert windows.shape == (25, 28, 12)
    assert windows.dtype == np.float32
    assert np.isfinite(windows).all()


def test_sound_that_comes_a_frame_later_is_heard_a_frame_later() -> None:
    later = np.concatenate([np.zeros(FRAME_SAMPLES, np.float32), SOUND])
    # Pre-emphasis looks one sample back, so the first column of all differs.
    a, b = mfcc_windows(SOUND, 30)[4:24], mfcc_windows(later, 31)[5:25]
    np.testing.assert_allclose(a, b, atol=1e-3)


def test_a_window_is_centred_on_its_frame() -> None:
    changed = SOUND.copy()
    at = 20 * FRAME_SAMPLES
    changed[at : at + FRAME_SAMPLES] = 0.5 * RNG.standard_normal(FRAME_SAMPLES)
    differs = np.abs(mfcc_windows(SOUND, 40) - mfcc_windows(changed, 40)).max((1, 2)) > 1e-3
    heard = np.flatnonzero(differs)
    assert heard.min() in (16, 17)  # a column is 25 ms long
    assert heard.max() in (23, 24)  # pre-emphasis looks one sample back
