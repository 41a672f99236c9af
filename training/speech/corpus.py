"""Speech with phone times, from every source at hand, cached one file per utterance.

    speechocean762, ljspeech   recorded, aligned by PocketSphinx
    flite, espeak              the same sentences synthesised, times exact
    librispeech, vctk          recorded without text: recognised, then aligned; babble as well

Ways to leave out of training what evaluation uses: a whole speaker (recorded) or a sentence in all
its voices (synthesised). Both by a checksum of the name, so that no list has to be kept.
"""

from __future__ import annotations

import csv
import logging
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.audio import SAMPLE_RATE, decode
from training.speech.alignment import Aligner, Recogniser
from training.speech.phones import ARPABET, PHONE_INDEX, Phone
from training.speech.synthesis import FLITE_VOICES, Espeak, flite

__all__ = [
    "Utterance",
    "held_out",
    "load_utterances",
    "prepare_recognised",
    "prepare_recorded",
    "prepare_synthesised",
    "untexted",
]

log = logging.getLogger(__name__)

ESPEAK_VOICES = (
    "gmw/en", "gmw/en-US", "gmw/en-GB-scotland", "gmw/en-GB-x-rp", "gmw/en-029", "gmw/en-US-nyc",
)  # fmt: skip
ESPEAK_VARIANTS = (
    "", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m7", "+m8", "+f1", "+f2", "+f3", "+f4", "+f5",
    "+klatt", "+klatt2", "+klatt4", "+adam", "+linda", "+steph", "+anika", "+max", "+grandma",
)  # fmt: skip
_HELD_OUT_IN = 10  # one speaker or sentence in so many is kept out of training


@dataclass(frozen=True)
class Utterance:
    """``samples``: ``[n]`` int16 at 16 kHz; ``phones``: in order, without gaps."""

    key: str
    speaker: str
    samples: NDArray[np.int16]
    phones: tuple[Phone, ...]

    @property
    def sound(self) -> NDArray[np.float32]:
        """``[n]`` float32 in [-1, 1]."""
        return self.samples.astype(np.float32) / 32768

    def save(self, path: Path) -> None:
        """Write beside and rename, so that an interrupted run leaves no half utterance."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part")
        with beside.open("wb") as out:
            np.savez(
                out,
                speaker=self.speaker,
                samples=self.samples,
                names=np.array([PHONE_INDEX[p.name] for p in self.phones], np.uint8),
                starts=np.array([p.start for p in self.phones], np.float32),
                ends=np.array([p.end for p in self.phones], np.float32),
            )
        beside.replace(path)

    @staticmethod
    def load(path: Path) -> Utterance:
        with np.load(path, allow_pickle=False) as z:
            phones = zip(z["names"], z["starts"], z["ends"], strict=True)
            return Utterance(
                path.stem,
                str(z["speaker"]),
                z["samples"],
                tuple(Phone(ARPABET[n], float(s), float(e)) for n, s, e in phones),
            )


def held_out(name: str) -> bool:
    """Whether a speaker or sentence of this name is kept out of training."""
    return zlib.crc32(name.encode()) % _HELD_OUT_IN == 0


def load_utterances(cache: Path, *, for_training: bool) -> list[Utterance]:
    """All cached utterances of one side of the split, in the order of their names."""
    paths = sorted(cache.glob("*/*.npz"))
    return [u for u in map(Utterance.load, paths) if held_out(u.speaker) != for_training]


def prepare_recorded(data: Path, cache: Path) -> None:
    """Align what has a text and is not in ``cache`` yet; says how many could not be aligned."""
    aligner, failed, done = Aligner(), 0, 0
    for row in _rows(data):
        path = cache / row["corpus"] / f"{Path(row['path']).stem}.npz"
        if not row["text"] or path.exists():
            continue
        sound = np.concatenate(list(decode(data / "speech" / row["path"])))
        phones = aligner.align(sound, row["text"])
        if phones is None:
            failed += 1
            continue
        speaker = f"{row['corpus']}-{row['speaker']}"
        Utterance(path.stem, speaker, _int16(sound), tuple(phones)).save(path)
        done += 1
        if done % 100 == 0:
            log.info("aligned %d utterances", done)
    log.info("aligned %d utterances, %d more could not be", done, failed)


def prepare_recognised(data: Path, cache: Path, count: int, seconds: float = 12.0) -> None:
    """Recognise and align the beginnings of ``count`` recordings that have no text."""
    aligner, recogniser, failed = Aligner(), Recogniser(), 0
    rows = [r for r in _rows(data) if not r["text"]]
    random.Random(1).shuffle(rows)
    for n, row in enumerate(rows[:count]):
        path = cache / row["corpus"] / f"{Path(row['path']).stem}.npz"
        if path.exists():
            continue
        sound = _beginning(data / "speech" / row["path"], seconds)
        phones = aligner.align(sound, recogniser.words(sound))
        if phones is None:
            failed += 1
            continue
        speaker = f"{row['corpus']}-{row['speaker']}"
        Utterance(path.stem, speaker, _int16(sound), tuple(phones)).save(path)
        if n % 50 == 49:
            log.info("recognised %d of %d recordings", n + 1, count)
    log.info("%d recordings could not be aligned with what was recognised", failed)


def prepare_synthesised(data: Path, cache: Path, count: int) -> None:
    """Speak ``count`` sentences of speechocean762 with flite and espeak-ng in turn."""
    texts = sorted({r["text"].lower() for r in _rows(data) if r["corpus"] == "speechocean762"})
    chosen = random.Random(0).sample(texts, min(count, len(texts)))
    espeak = Espeak()
    for n, text in enumerate(chosen):
        path = cache / ("flite" if n % 3 == 0 else "espeak") / f"{n:05d}.npz"
        if path.exists():
            continue
        rng = random.Random(n)
        if n % 3 == 0:
            voice = rng.choice(FLITE_VOICES)
            low, high = (150, 240) if voice == "slt" else (85, 150)
            sound, phones = flite(text, voice, rng.uniform(0.85, 1.2), rng.uniform(low, high))
        else:
            voice = rng.choice(ESPEAK_VOICES) + rng.choice(ESPEAK_VARIANTS)
            sound, phones = espeak.speak(
                text, voice, rng.randint(120, 200), rng.randint(25, 75), rng.randint(30, 80)
            )
        # the sentence stands for the speaker: a synthesiser says it alike in all its voices
        Utterance(path.stem, text, _int16(sound), tuple(phones)).save(path)
        if n % 100 == 99:
            log.info("synthesised %d of %d sentences", n + 1, len(chosen))


def untexted(data: Path, count: int, seconds: float = 8.0) -> Iterator[NDArray[np.float32]]:
    """The beginnings ``[n]`` of ``count`` recordings without a text, one or more per speaker."""
    rows = [r for r in _rows(data) if not r["text"] and r["corpus"] in ("librispeech", "vctk")]
    for row in random.Random(1).sample(rows, min(count, len(rows))):
        yield _beginning(data / "speech" / row["path"], seconds)


def _beginning(path: Path, seconds: float) -> NDArray[np.float32]:
    """At most ``seconds`` of a recording."""
    most, chunks, length = int(seconds * SAMPLE_RATE), [], 0
    for chunk in decode(path):
        chunks.append(chunk)
        length += len(chunk)
        if length >= most:
            break
    return np.concatenate(chunks)[:most]


def _rows(data: Path) -> list[dict[str, str]]:
    with (data / "speech" / "index.csv").open(newline="") as table:
        return list(csv.DictReader(table))


def _int16(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    return (np.clip(sound, -1, 1) * 32767).astype(np.int16)
