"""Forced alignment finds the phones where the synthesiser put them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pocketsphinx")

from engine.audio import decode
from training.speech.alignment import Aligner, Recogniser
from training.speech.phones import BILABIALS, Phone

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


def test_recognised_words_are_words_of_the_text(
    truth: tuple[np.ndarray, str, list[Phone]],
) -> None:
    sound, text, _ = truth
    heard = Recogniser().words(sound[:64000]).split()
    assert len(heard) >= 5
    assert len(set(heard) & set(text.lower().split())) >= 3
