"""Phone times of recorded speech: PocketSphinx aligns its text, or what it hears without one.

Huggins-Daines et al., "PocketSphinx: A Free, Real-Time Continuous Speech Recognition System for
Hand-Held Devices" (2006). The English model is in the wheel. Without a language model and without
the best-path search every file of a trial aligned; with the defaults a third failed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder

from training.speech.phones import PHONE_INDEX, SILENCE, Phone

__all__ = ["Aligner", "Recogniser"]

log = logging.getLogger(__name__)

_FRAME_SECONDS = 0.01


class Aligner:
    """Aligns one utterance after another; holds PocketSphinx's decoder, so one per process.

    pronunciations: further words, each with its phones, e.g. ``{"zed": "Z EH D"}``;
                    those of the dictionary stay.
    """

    def __init__(self, pronunciations: Mapping[str, str] | None = None) -> None:
        self._decoder = Decoder(lm=None, bestpath=False, loglevel="FATAL")
        for word, phones in (pronunciations or {}).items():
            if self._decoder.lookup_word(word) is None:
                self._decoder.add_word(word, phones, True)

    def align(self, samples: NDArray[np.float32], text: str) -> list[Phone] | None:
        """Phones of ``samples [n]`` (16 kHz) saying ``text``, silences included, without gaps.

        None where a word is not in the dictionary or the search finds no path.
        """
        words = re.findall(r"[a-z']+", text.lower())
        unknown = [w for w in words if self._decoder.lookup_word(w) is None]
        if unknown or not words:
            log.debug("no pronunciation for %s", unknown)
            return None
        raw = _raw(samples)
        try:
            self._decoder.set_align_text(" ".join(words))
            self._pass(raw)
            self._decoder.set_alignment()
            self._pass(raw)
            aligned = self._decoder.get_alignment()
        except RuntimeError as error:
            log.debug("no path through %r: %s", text, error)
            return None
        if aligned is None:
            return None
        phones = [
            Phone(
                p.name if p.name in PHONE_INDEX else SILENCE,
                p.start * _FRAME_SECONDS,
                (p.start + p.duration) * _FRAME_SECONDS,
            )
            for word in aligned
            for p in word
        ]
        return phones or None

    def _pass(self, raw: bytes) -> None:
        _hear(self._decoder, raw)


class Recogniser:
    """Writes down what is said, by the language model in PocketSphinx's wheel.

    Of read English three or four words in five are right, and most wrong ones sound like the right
    ones: of their phones enough are true to learn from.
    """

    def __init__(self) -> None:
        self._decoder = Decoder(maxhmmpf=3000, loglevel="FATAL")

    def words(self, samples: NDArray[np.float32]) -> str:
        """The words of ``samples [n]`` (16 kHz), lower case, without marks; may be empty."""
        _hear(self._decoder, _raw(samples))
        spoken = (re.sub(r"\(\d+\)$", "", s.word) for s in self._decoder.seg() or [])
        return " ".join(w for w in spoken if re.fullmatch(r"[a-z']+", w))


def _raw(samples: NDArray[np.float32]) -> bytes:
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def _hear(decoder: Decoder, raw: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(raw, full_utt=True)
    decoder.end_utt()
