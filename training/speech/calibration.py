"""How well a network agrees with real lips, and how far it should move its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from training.speech.articulators import articulate
from training.speech.geometry import LipGeometry, gap, width
from training.speech.measure import correlation
from training.speech.network import SpeechNetwork
from training.speech.phones import Phone
from training.speech.spectra import columns_of
from training.speech.tracking import Track

__all__ = ["Spoken", "agreement", "matching_amplitude"]


@dataclass(frozen=True)
class Spoken:
    """Tracked lips with their phones; lips at the video's time t belong to sound at ``t + offset``.

    recording: clips of one recording share their true offset.
    """

    track: Track
    phones: tuple[Phone, ...]
    recording: str
    offset: float


@dataclass(frozen=True)
class _Curves:
    """Gap and width ``[T]``, ours and real, at the clip's frames."""

    gap: NDArray[np.float32]
    width: NDArray[np.float32]
    real_gap: NDArray[np.float32]
    real_width: NDArray[np.float32]


@torch.no_grad()
def agreement(network: SpeechNetwork, spoken: Sequence[Spoken], name: str) -> dict[str, float]:
    """Mean correlation of gap and width with the tracked ones over clips."""
    curves = [_curves(network, s) for s in spoken]
    gaps = [correlation(c.gap, c.real_gap) for c in curves]
    widths = [correlation(c.width, c.real_width) for c in curves]
    return {f"{name} gap": float(np.mean(gaps)), f"{name} width": float(np.mean(widths))}


@torch.no_grad()
def matching_amplitude(network: SpeechNetwork, spoken: Sequence[Spoken]) -> float:
    """The factor by which our lip gap comes to vary as much as the real one.

    The geometric mean over clips of the ratio of standard deviations, which is the slope of the
    reduced major axis: a least-squares slope would shrink it by the correlation once more.
    """
    curves = [_curves(network, s) for s in spoken]
    ratios = [np.nanstd(c.real_gap) / max(float(c.gap.std()), 1e-6) for c in curves]
    return float(np.exp(np.mean(np.log(ratios))))


def _curves(network: SpeechNetwork, spoken: Spoken) -> _Curves:
    late, track = network.config.look_ahead_hops, spoken.track
    columns = np.pad(columns_of(track.sound), ((0, late + 1), (0, 0)), mode="edge")
    lips = LipGeometry()(articulate(network(torch.from_numpy(columns)[None]).controls[0]))
    at = np.round((track.times + spoken.offset) * 100).astype(int) + late
    rows, real = np.clip(at, 0, len(lips) - 1), torch.from_numpy(track.displacement)
    return _Curves(
        gap(lips)[rows].numpy(),
        width(lips)[rows].numpy(),
        gap(real).numpy(),
        width(real).numpy(),
    )
