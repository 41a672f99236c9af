"""Talking-head corpora as lists of clips, from the folders that they are unpacked into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadInput

__all__ = ["HELD_OUT_OF_TWELVE", "Corpus", "CorpusClip", "grid", "split", "tcd_timit"]

_VIDEO = frozenset((".mpg", ".mpeg", ".mp4", ".mov", ".avi", ".mkv"))
# Of twelve clips of one speaker in the order of their names. The first and seventh are those that
# the shipped speech model keeps out as well (training.speech.real).
HELD_OUT_OF_TWELVE = (0, 3, 6)


@dataclass(frozen=True)
class CorpusClip:
    """One sentence of one speaker. sound: the video itself, or the clean recording beside it."""

    speaker: str
    sentence: str
    video: Path
    sound: Path

    @property
    def key(self) -> str:
        """A name that no other clip of the corpus has."""
        return f"{self.speaker}_{self.sentence}"


Corpus = list[CorpusClip]


def grid(folder: Path) -> Corpus:
    """GRID (Cooke et al., JASA 2006): ``s1/**/bbaf2n.mpg``, or ``s1_bbaf2n.mpg`` side by side.

    Raises BadInput for a folder without such videos.
    """
    clips = []
    for video in _videos(folder):
        speaker, _, sentence = video.stem.rpartition("_")
        if not speaker:
            speaker = next(
                (p.name.split(".")[0] for p in video.parents if _is_grid_speaker(p.name)), ""
            )
        if speaker and len(sentence) == 6:
            clips.append(CorpusClip(speaker, sentence, video, video))
    return _some(clips, folder, "GRID", "s1/bbaf2n.mpg")


def tcd_timit(folder: Path) -> Corpus:
    """TCD-TIMIT (Harte and Gillen, IEEE TMM 2015): ``volunteers/01M/Clips/straightcam/sa1.mp4``.

    The recording ``sa1.wav`` beside a video is taken where there is one. The camera at 30 degrees
    is left out. Raises BadInput for a folder without such videos.
    """
    clips = []
    for video in _videos(folder):
        if "straightcam" not in (p.name.lower() for p in video.parents):
            continue
        camera = next(p for p in video.parents if p.name.lower() == "straightcam")
        speaker = next(p.name for p in camera.parents if p.name.lower() != "clips")
        wav = video.with_suffix(".wav")
        clips.append(CorpusClip(speaker, video.stem, video, wav if wav.is_file() else video))
    return _some(clips, folder, "TCD-TIMIT", "volunteers/01M/Clips/straightcam/sa1.mp4")


def split(clips: Sequence[CorpusClip]) -> tuple[Corpus, Corpus]:
    """(training, held out): three of every twelve clips of each speaker are held out."""
    training: Corpus = []
    held: Corpus = []
    for speaker in sorted({c.speaker for c in clips}):
        own = sorted((c for c in clips if c.speaker == speaker), key=lambda c: c.sentence)
        for n, clip in enumerate(own):
            (held if n % 12 in HELD_OUT_OF_TWELVE else training).append(clip)
    return training, held


def _videos(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder, expected a corpus: give where it was unpacked")
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in _VIDEO)


def _is_grid_speaker(name: str) -> bool:
    first = name.split(".")[0]
    return first[:1] == "s" and first[1:].isdigit()


def _some(clips: Corpus, folder: Path, corpus: str, example: str) -> Corpus:
    if not clips:
        raise BadInput(
            f"{folder} holds no clip of {corpus}, expected files like {example}: give the folder "
            "that the corpus was unpacked into"
        )
    return clips
