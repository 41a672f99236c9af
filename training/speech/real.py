"""The videos with real lips: which are for training, which are kept out, and how late they are."""

from __future__ import annotations

import gzip
import json
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.speech.alignment import Aligner, recognise_phones
from training.speech.articulators import articulate
from training.speech.coarticulation import Coarticulation
from training.speech.geometry import LipGeometry, gap
from training.speech.measure import correlation
from training.speech.phones import Phone
from training.speech.tracking import Track, track_video

__all__ = ["Address", "GridClip", "addresses", "grid_clips", "measure_offset", "strangers"]

log = logging.getLogger(__name__)

_LETTERS = {"z": "zed"}  # the speakers are British
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
    with gzip.open(data / "grid" / "word_alignments.json.gz") as packed:
        sentences = json.load(packed)["s1"]
    aligner, clips = Aligner(_PRONUNCIATIONS), []
    for n, path in enumerate(sorted((data / "grid" / "clips").glob("s1_*.mpg"))):
        track = track_video(path, cache)
        words = [w for _, _, w in sentences[path.stem.removeprefix("s1_")]]
        text = " ".join(_LETTERS.get(w, w) for w in words if w not in ("sil", "sp"))
        phones = aligner.align(track.sound, text)
        if phones is not None:
            clips.append(GridClip(track, tuple(phones), n % _KEEP_OUT_EVERY == 0))
    return clips


def strangers(data: Path, cache: Path) -> list[Track]:
    """The clips of four other GRID speakers: validation only."""
    return [track_video(p, cache) for p in sorted((data / "grid" / "clips").glob("x_*.mpg"))]


@dataclass(frozen=True)
class Address:
    """A video of fluent speech; phones are recognised, not known.

    offset: lips at the video's time t belong to sound at ``t + offset`` (s).
    """

    track: Track
    phones: tuple[Phone, ...]
    offset: float


def addresses(data: Path, cache: Path, model: Coarticulation) -> list[Address]:
    """The presidential addresses, each with its measured offset."""
    out = []
    for path in sorted((data / "addresses").glob("*.mkv")):
        track = track_video(path, cache)
        phones = tuple(recognise_phones(track.sound))
        offset, r = measure_offset(track, phones, model)
        log.info("%s: lips belong to sound %+.0f ms later, r %.2f", track.key, 1000 * offset, r)
        out.append(Address(track, phones, offset))
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
