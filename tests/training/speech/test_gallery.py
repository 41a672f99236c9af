"""The voices to look at are what they are called."""

from __future__ import annotations

import ctypes.util

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")

from training.speech.gallery import child, gallery, singing
from training.speech.synthesis import Espeak

pytestmark = pytest.mark.skipif(
    ctypes.util.find_library("espeak-ng") is None, reason="did not run: libespeak-ng is missing"
)


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    return Espeak()


def pitch(sound: NDArray[np.float32]) -> float:
    """Hz, where the autocorrelation of the sound peaks."""
    likeness = np.fft.irfft(np.abs(np.fft.rfft(sound, 1 << 16)) ** 2)
    lags = np.arange(16000 // 600, 16000 // 60)
    return 16000 / float(lags[likeness[lags].argmax()])


def test_a_song_holds_its_notes(espeak: Espeak) -> None:
    song = singing(espeak)
    assert len(song) == pytest.approx(9 * 0.45 * 16000, abs=9)
    notes = [pitch(n[1600:-1600]) for n in np.split(song[: 9 * 7200], 9)]
    rise = np.median([notes[k] for k in (4, 5, 7)]) / np.median(notes[:3])
    assert rise == pytest.approx(2 ** (4 / 12), abs=0.12)


def test_a_child_is_high(espeak: Espeak) -> None:
    assert pitch(child(espeak)) > 220


def test_every_voice_is_speech_of_some_length() -> None:
    voices = gallery()
    assert len(voices) == 7
    for sound in voices.values():
        assert 1.5 < len(sound) / 16000 < 12
        assert 0.05 < np.abs(sound).max() <= 1.3
