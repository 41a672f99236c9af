"""Everything that is trained on, from the data folder; each stage is kept on disk."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from training.speech.augmentation import Surroundings
from training.speech.calibration import Spoken
from training.speech.coarticulation import Coarticulation, FitClip, fit_coarticulation
from training.speech.corpus import (
    load_utterances,
    prepare_recognised,
    prepare_recorded,
    prepare_synthesised,
    untexted,
)
from training.speech.dataset import Windows, aligned_example, tracked_example
from training.speech.real import addresses, grid_clips
from training.speech.train import Mix

__all__ = ["Material", "prepare"]

log = logging.getLogger(__name__)

_SENTENCES = 900  # synthesised
_VOICES = 200  # without text, for babble
_REAL_SHARE = 10  # windows of a batch


@dataclass(frozen=True)
class Material:
    """shown: real clips to train on, by source; held: real clips to validate with.

    model, offsets: the coarticulation model fitted to ``shown``, and how late each recording is, s.
    """

    data: Path
    utterances: Path
    shown: dict[str, list[Spoken]]
    held: dict[str, list[Spoken]]
    model: Coarticulation
    offsets: dict[str, float]

    def mix(self, look_ahead: int) -> Mix:
        """A batch of 41: ten of real lips, 26 of aligned speech, five without a voice."""
        surroundings = Surroundings(list(untexted(self.data, _VOICES)))
        utterances = load_utterances(self.utterances, for_training=True)
        aligned = [aligned_example(u.sound, u.phones, self.model) for u in utterances]
        log.info("%d aligned utterances", len(aligned))
        sources = [(Windows(aligned, surroundings, look_ahead), 26)]
        for name, spoken in self.shown.items():
            real = [tracked_example(s.track, s.phones, self.offsets[s.recording]) for s in spoken]
            windows = Windows(real, surroundings, look_ahead, speeds=(0.85, 1.2))
            sources.append((windows, _REAL_SHARE // len(self.shown)))
            log.info("%d real clips of %s", len(real), name)
        return Mix(tuple(sources), silent=5)


def prepare(data: Path, runs: Path, recognised: int, without: str | None = None) -> Material:
    """Do all stages before training that are not done yet.

    recognised: how many recordings without a text to recognise.
    without:    ``s1`` or ``addresses``, kept out to test on.
    """
    utterances, tracks = runs / "utterances", runs / "tracks"
    prepare_synthesised(data, utterances, _SENTENCES)
    prepare_recorded(data, utterances)
    prepare_recognised(data, utterances, recognised)
    clips = grid_clips(data, tracks)
    fluent = [Spoken(a.track, a.phones, a.track.key, a.offset) for a in addresses(data, tracks)]
    shown = {
        "s1": [Spoken(c.track, c.phones, "s1", 0.0) for c in clips if not c.held_out],
        "addresses": fluent,
    }
    held = {
        "s1": [Spoken(c.track, c.phones, "s1", 0.0) for c in clips if c.held_out],
        "addresses": fluent,
    }
    if without is not None:
        del shown[without]
    kept = runs / f"coarticulation{f'_without_{without}' if without else ''}.pt"
    model, offsets = _coarticulation(list(shown.values()), kept)
    return Material(data, utterances, shown, held, model, offsets)


def _coarticulation(
    groups: list[list[Spoken]], path: Path
) -> tuple[Coarticulation, dict[str, float]]:
    """The fitted model and the offset (s) of each recording, from ``path`` where they are there."""
    if not path.exists():
        fitted, offsets = fit_coarticulation([[_to_fit(s) for s in group] for group in groups])
        torch.save({"model": fitted.state_dict(), "offsets": offsets}, path)
    saved = torch.load(path, weights_only=True)
    model = Coarticulation()
    model.load_state_dict(saved["model"])
    return model.eval(), saved["offsets"]


def _to_fit(spoken: Spoken) -> FitClip:
    track = spoken.track
    return FitClip(spoken.phones, track.times, track.displacement, spoken.recording, spoken.offset)
