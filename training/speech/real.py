"""The videos with real lips: which are for training, which are kept out, and how late they are."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.speech.alignment import Aligner
from training.speech.articulators import articulate
from training.speech.coarticulation import Coarticulation
from training.speech.geometry import LipGeometry, gap
from training.speech.measure import correlation
from training.speech.phones import Phone
from training.speech.tracking import Track, track_video

__all__ = [
    "Address",
    "GridClip",
    "addresses",
    "grid_aligner",
    "grid_clips",
    "grid_phones",
    "grid_sentence",
    "measure_offset",
    "strangers",
]

log = logging.getLogger(__name__)

# What the addresses say, put together from what PocketSphinx recognises in them.
_TRANSCRIPTS = {
    "address_a": """
        with you about the battle we're waging against an oil spill that is assaulting our shores
        and our citizens on april twentieth an explosion ripped through bp deepwater horizon
        drilling rig about forty miles off the coast of louisiana eleven workers lost their lives
        seventeen others""",
    "address_b": """
        on behalf of the entire obama family i want to wish you and your families across america
        and around the world happy diwali to all of you who celebrate the festival of lights i was
        proud to host our celebrations at the white house and be the first president to light the
        diya in two thousand and nine when michelle and i visited india there we were able to join
        in diwali festivities with some wonderful children in mumbai it was a reminder of the
        traditions we share across continents and cultures today""",
    "address_c": """
        is the resurgence of national pride that i called the new patriotism this national feeling
        is good but it won't count for much and it won't last unless it's grounded in thoughtfulness
        and knowledge an informed patriotism is what we want and are we doing a good enough job
        teaching our children what america is and what she represents in the long history of the
        world""",
}
_NAMES = {
    "bp": "B IY P IY", "deepwater": "D IY P W AO T ER", "diya": "D IY AH",
    "diwali": "D IH W AA L IY", "obama": "OW B AA M AH", "mumbai": "M UH M B AY",
}  # fmt: skip
_GRID_WORDS = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {"z": "zed"},  # the speakers are British; every other letter is its own name
    {
        "z": "zero", "1": "one", "2": "two", "3": "three", "4": "four", "5": "five", "6": "six",
        "7": "seven", "8": "eight", "9": "nine",
    },
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)  # fmt: skip
_PRONUNCIATIONS = {"zed": "Z EH D"}
_KEEP_OUT_EVERY = 6  # of s1's clips: ten of sixty
_MOST_OFFSET_SECONDS = 0.4


@dataclass(frozen=True)
class GridClip:
    """A GRID clip of speaker s1 (Cooke et al., "An audio-visual corpus for speech perception and
    automatic speech recognition", 2006) with its phones; ``held_out`` ones are never trained on."""

    track: Track
    phones: tuple[Phone, ...]
    held_out: bool


def grid_clips(data: Path, cache: Path) -> list[GridClip]:
    """All of s1's clips, in the order of their names; tracked on the first call."""
    aligner, clips = grid_aligner(), []
    for n, path in enumerate(sorted((data / "grid" / "clips").glob("s1_*.mpg"))):
        track = track_video(path, cache)
        phones = grid_phones(track, aligner)
        if phones is not None:
            clips.append(GridClip(track, phones, n % _KEEP_OUT_EVERY == 0))
    return clips


def grid_aligner() -> Aligner:
    """An aligner that knows the words of GRID."""
    return Aligner(_PRONUNCIATIONS)


def grid_phones(track: Track, aligner: Aligner) -> tuple[Phone, ...] | None:
    """The phones of a GRID clip, whose name says what is said in it; None if they do not fit."""
    phones = aligner.align(track.sound, grid_sentence(track.key.split("_")[1]))
    return None if phones is None else tuple(phones)


def grid_sentence(code: str) -> str:
    """``brbk7n`` is "bin red by k seven now"; KeyError for what is no code."""
    return " ".join(
        words.get(letter, letter) if n == 3 else words[letter]
        for n, (words, letter) in enumerate(zip(_GRID_WORDS, code, strict=True))
    )


def strangers(data: Path, cache: Path) -> list[Track]:
    """The clips of four other GRID speakers: validation only."""
    return [track_video(p, cache) for p in sorted((data / "grid" / "clips").glob("x_*.mpg"))]


@dataclass(frozen=True)
class Address:
    """A video of fluent speech and its phones.

    offset: lips at the video's time t belong to sound at ``t + offset`` (s), a first measure.
    """

    track: Track
    phones: tuple[Phone, ...]
    offset: float


def addresses(data: Path, cache: Path) -> list[Address]:
    """The presidential addresses, each with the offset that the hand-set phones agree with best."""
    aligner, out = Aligner(_NAMES), []
    for path in sorted((data / "addresses").glob("*.mkv")):
        track = track_video(path, cache)
        phones = aligner.align(track.sound, _TRANSCRIPTS[path.stem])
        if phones is None:
            log.warning("%s could not be aligned with its text and is left out", path.name)
            continue
        offset, r = measure_offset(track, tuple(phones), Coarticulation())
        log.info("%s: lips belong to sound %+.0f ms later, r %.2f", track.key, 1000 * offset, r)
        out.append(Address(track, tuple(phones), offset))
    return out


@torch.no_grad()
def measure_offset(
    track: Track, phones: tuple[Phone, ...], model: Coarticulation
) -> tuple[float, float]:
    """Where the lip gap that the phones ask for agrees best with the tracked one: (s, r)."""
    hops = torch.arange(len(track.sound) // 160) / 100
    asked = gap(LipGeometry()(articulate(model(phones, hops)))).numpy()
    real = gap(torch.from_numpy(track.displacement)).numpy()
    shifts = np.arange(-_MOST_OFFSET_SECONDS, _MOST_OFFSET_SECONDS + 0.005, 0.01)
    scores = [
        correlation(np.interp(track.times + s, hops.numpy(), asked).astype(np.float32), real)
        for s in shifts
    ]
    best = int(np.argmax(scores))
    return float(shifts[best]), scores[best]
