"""The videos with real lips: which are for training, which are kept out, and how late they are."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from training.speech.alignment import Aligner
from training.speech.phones import Phone
from training.speech.tracking import Track, track_video

__all__ = ["GridClip", "grid_clips", "strangers"]

_LETTERS = {"z": "zed"}  # the speakers are British
_PRONUNCIATIONS = {"zed": "Z EH D"}
_KEEP_OUT_EVERY = 6  # of s1's clips: ten of sixty


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
