"""Forced alignment finds the phones where the synthesiser put them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pocketsphinx")

from engine.audio import decode
from training.speech.alignment import Aligner, recognise_phones
from training.speech.phones import BILABIALS, SILENCE, Phone

SPOKEN = Path(__file__).parents[2] / "spoken"


@pytest.fixture(scope="module")
def truth() -> tuple[np.ndarray, str, list[Phone]]:
    saved = json.loads((SPOKEN / "phones.json").read_text())
    sound = np.concatenate(list(decode(SPOKEN / "flite.ogg")))
    return sound, saved["text"], [Phone(*p) for p in saved["flite"]]


def test_bilabials_are_found_within_40_ms(truth: tuple[np.ndarray, str, list[Phone]]) -> None:
    sound, text, phones = truth
    aligned = Aligner().align(sound, text)
    assert aligned is not None
    ours = [p.start for p in aligned if p.name in BILABIALS]
    exact = [p.start for p in phones if p.name in BILABIALS]
    assert len(ours) == len(exact)
    assert np.quantile(np.abs(np.subtract(ours, exact)), 0.8) < 0.04


def test_an_unknown_word_gives_none_unless_its_pronunciation_is_given(
    truth: tuple[np.ndarray, str, list[Phone]],
) -> None:
    sound, text, _ = truth
    renamed = text.replace("mama", "mamaxq")
    assert Aligner().align(sound, renamed) is None
    assert Aligner({"mamaxq": "M AA M AH"}).align(sound, renamed) is not None


def test_recognition_without_text_tells_speech_from_silence() -> None:
    sound = np.concatenate(list(decode(SPOKEN / "flite.ogg")))[:48000]
    phones = recognise_phones(np.concatenate([np.zeros(16000, np.float32), sound]))
    spoken = [p for p in phones if p.name != SILENCE and p.start > 1.2]
    assert phones[0].name == SILENCE
    assert len(spoken) > 15
