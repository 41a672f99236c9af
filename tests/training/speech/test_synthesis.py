"""Synthesised speech comes with phone times that fit its sound."""

from __future__ import annotations

import ctypes.util
import itertools
import shutil

import numpy as np
import pytest

from training.speech.phones import BILABIALS, Phone
from training.speech.synthesis import Espeak, flite

needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
needs_espeak = pytest.mark.skipif(
    ctypes.util.find_library("espeak-ng") is None, reason="libespeak-ng is not installed"
)


def check(samples: np.ndarray, phones: list[Phone]) -> None:
    assert samples.dtype == np.float32
    assert abs(phones[-1].end - len(samples) / 16000) < 0.15
    assert all(a.end == pytest.approx(b.start) for a, b in itertools.pairwise(phones))
    assert sum(p.name in BILABIALS for p in phones) == 3

    def level(p: Phone) -> float:
        return float(np.abs(samples[int(p.start * 16000) : int(p.end * 16000)]).mean())

    vowels = [level(p) for p in phones if p.name in ("AA", "AY", "EY")]
    closures = [level(p) for p in phones if p.name == "B"]
    assert np.mean(vowels) > 1.5 * np.mean(closures)


@needs_flite
def test_flite() -> None:
    check(*flite("Bob may go", "slt"))


@needs_flite
def test_flite_stretched_is_longer() -> None:
    slow, _ = flite("Bob may go", "slt", stretch=1.5)
    fast, _ = flite("Bob may go", "slt", stretch=0.8)
    assert len(slow) > 1.4 * len(fast)


@needs_espeak
def test_espeak_and_its_unknown_voice() -> None:
    espeak = Espeak()
    check(*espeak.speak("Bob may go", "gmw/en-US+f2"))
    check(*espeak.speak("Bob may go", "gmw/en", words_a_minute=120))
    with pytest.raises(ValueError, match="no voice"):
        espeak.speak("Bob", "xx/none")
