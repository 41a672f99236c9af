"""The shipped model says words: its lips meet on p b m and part on vowels.

The same judgement must turn down a jaw that follows loudness and the model hearing shuffled sound,
which move as much and at the same times. The recordings are synthesised (flite and espeak-ng, so
their phone times are exact), say a sentence that was never trained on, and need no data folder.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.audio import decode
from engine.speech import SpeechModel
from training.speech.measure import (
    closed_share,
    lip_curves,
    loudness_jaw,
    open_share,
    shuffled,
    speak,
)
from training.speech.phones import BILABIALS, SILENCE, Phone

SPOKEN = Path(__file__).parent.parent / "spoken"
OPEN_VOWELS = frozenset({"AA", "AE", "AO", "AW", "AY", "EH"})
# As quiet as bilabials, or quieter, and said with parted lips: here loudness and lips part ways.
OBSTRUENTS = frozenset({"T", "D", "K", "G", "S", "Z", "CH", "JH", "SH", "ZH", "TH", "HH"})


def says_the_words(faces: NDArray[np.float32], phones: list[Phone]) -> list[str]:
    """What a lip reader would object to; nothing if the lips say the phones."""
    gap, _ = lip_curves(faces)
    closed, bilabials = closed_share(gap, phones, BILABIALS)
    wrongly_closed, others = closed_share(gap, phones, OBSTRUENTS)
    opened, vowels = open_share(gap, phones, OPEN_VOWELS)
    objections = []
    if closed < 0.8 * bilabials:
        objections.append(f"only {closed} of {bilabials} p b m are closed")
    if wrongly_closed > 0.5 * others:
        objections.append(f"{wrongly_closed} of {others} t d k g s ... are closed too")
    if opened < 0.85 * vowels:
        objections.append(f"only {opened} of {vowels} open vowels are open")
    return objections


@pytest.fixture(params=["flite", "espeak"])
def spoken(request: pytest.FixtureRequest) -> tuple[NDArray[np.float32], list[Phone]]:
    phones = json.loads((SPOKEN / "phones.json").read_text())[request.param]
    sound = np.concatenate(list(decode(SPOKEN / f"{request.param}.ogg")))
    return sound, [Phone(name, start, end) for name, start, end in phones]


def test_lips_say_the_words(spoken: tuple[NDArray[np.float32], list[Phone]]) -> None:
    sound, phones = spoken
    assert says_the_words(speak(SpeechModel.load(), sound), phones) == []


def test_a_loudness_jaw_is_turned_down(spoken: tuple[NDArray[np.float32], list[Phone]]) -> None:
    sound, phones = spoken
    assert says_the_words(loudness_jaw(sound), phones) != []


def test_shuffled_sound_is_turned_down(spoken: tuple[NDArray[np.float32], list[Phone]]) -> None:
    sound, phones = spoken
    assert says_the_words(speak(SpeechModel.load(), shuffled(sound)), phones) != []


def test_still_lips_are_turned_down(spoken: tuple[NDArray[np.float32], list[Phone]]) -> None:
    sound, phones = spoken
    assert says_the_words(np.zeros((len(sound) // 160, 52), np.float32), phones) != []


def test_lips_close_within_200_ms_of_the_end_of_speech(
    spoken: tuple[NDArray[np.float32], list[Phone]],
) -> None:
    sound, phones = spoken
    end = max(p.end for p in phones if p.name != SILENCE)
    quiet = np.concatenate([sound, np.zeros(16000, np.float32)])
    gap, _ = lip_curves(speak(SpeechModel.load(), quiet))
    assert (gap[round((end + 0.2) * 100) :] <= 0.02).all()
