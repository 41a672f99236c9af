"""Figures by which predicted lips are compared with tracked ones; see docs/speech.md."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, HOP_SAMPLES, SAMPLE_RATE
from engine.features import LogMel
from engine.motion import ARKIT_INDEX
from engine.speech import SpeechModel
from export.basis import LandmarkBasis
from export.landmarks import OUTER_CANTHI
from training.speech.lips import LIPS
from training.speech.phones import Phone

__all__ = [
    "CLOSED",
    "OPEN",
    "best_lag",
    "closed_share",
    "correlation",
    "faces_at",
    "interval",
    "lip_curves",
    "lips_of",
    "loudness",
    "loudness_jaw",
    "narrower_share",
    "open_share",
    "shuffled",
    "silent_frames",
    "speak",
]

Curve = NDArray[np.float32]

CLOSED = 0.02  # gap against rest in canthus distances, the project's definition of closed lips
OPEN = 0.04


def speak(model: SpeechModel, sound: Curve) -> NDArray[np.float32]:
    """Coefficients ``[T, 52]`` for hops 0..T-1 of ``sound [n]`` (16 kHz), as a session makes them.

    Enough silence is heard after the end to flush the look-ahead.
    """
    log_mel = LogMel()
    tail = np.zeros((model.look_ahead_hops + 1) * HOP_SAMPLES, np.float32)
    columns, _ = log_mel.step(np.concatenate([sound, tail]), log_mel.initial_state())
    faces, _ = model.step(columns, model.initial_state())
    return faces[model.look_ahead_hops :][: len(sound) // HOP_SAMPLES]


def faces_at(faces: NDArray[np.float32], times: Curve) -> NDArray[np.float32]:
    """Rows ``[T, 52]`` of 100 a second at ``times [T]`` (s), by linear interpolation."""
    hops = np.arange(len(faces)) * HOP_SAMPLES / SAMPLE_RATE
    return np.stack([np.interp(times, hops, c) for c in faces.T], axis=1).astype(np.float32)


def lip_curves(faces: NDArray[np.float32]) -> tuple[Curve, Curve]:
    """Lip gap and mouth width ``[T]`` against rest, in canthus distances, on the neutral head."""
    basis = LandmarkBasis.load()
    shapes = basis.expression[:, :, :2]
    a, b = basis.neutral[list(OUTER_CANTHI), :2]
    unit = np.linalg.norm(a - b)
    gap = faces @ (shapes[:, 13, 1] - shapes[:, 14, 1]) / unit
    width = faces @ (shapes[:, 291, 0] - shapes[:, 61, 0]) / unit
    return gap.astype(np.float32), width.astype(np.float32)


def lips_of(faces: NDArray[np.float32]) -> NDArray[np.float32]:
    """Displacement of the 40 lip landmarks ``[T, 40, 2]``, as ``tracking`` gives it for video."""
    basis = LandmarkBasis.load()
    a, b = basis.neutral[list(OUTER_CANTHI), :2]
    shapes = basis.expression[:, list(LIPS), :2] / np.linalg.norm(a - b)
    return np.einsum("tc,cln->tln", faces, shapes).astype(np.float32)


def loudness(sound: Curve) -> Curve:
    """Root mean square of 40 ms around each hop, ``[T]``."""
    hops = len(sound) // HOP_SAMPLES
    padded = np.pad(sound[: hops * HOP_SAMPLES] ** 2, FRAME_SAMPLES // 2)
    total = np.concatenate([[0.0], np.cumsum(padded, dtype=np.float64)])
    starts = np.arange(hops) * HOP_SAMPLES
    mean = (total[starts + FRAME_SAMPLES] - total[starts]) / FRAME_SAMPLES
    return np.sqrt(np.maximum(mean, 0)).astype(np.float32)


def loudness_jaw(sound: Curve) -> NDArray[np.float32]:
    """The floor to beat: ``[T, 52]`` with only jawOpen, in proportion to loudness, 0.35 at most."""
    level = loudness(sound)
    faces = np.zeros((len(level), len(ARKIT_INDEX)), np.float32)
    faces[:, ARKIT_INDEX["jawOpen"]] = 0.35 * level / max(float(level.max()), 1e-6)
    return faces


def correlation(a: Curve, b: Curve) -> float:
    """Pearson's r over frames where both are known; 0 where one does not move."""
    known = ~(np.isnan(a) | np.isnan(b))
    x, y = a[known] - a[known].mean(), b[known] - b[known].mean()
    scale = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return float((x * y).sum()) / scale if scale > 1e-9 else 0.0


def best_lag(a: Curve, b: Curve, most: int = 5) -> tuple[int, float]:
    """Frames by which ``a`` comes later than ``b`` where they agree best, and that r."""
    scores = {
        lag: correlation(
            a[max(0, lag) : len(a) + min(0, lag)], b[max(0, -lag) : len(b) - max(0, lag)]
        )
        for lag in range(-most, most + 1)
    }
    lag = max(scores, key=lambda k: scores[k])
    return lag, scores[lag]


def closed_share(
    gap: Curve, phones: Sequence[Phone], names: Collection[str], limit: float = CLOSED
) -> tuple[int, int]:
    """How many phones of ``names`` have the lips closed at some hop inside, and how many there are.

    gap: ``[T]`` against rest at 100 Hz. Closed is ``limit`` or less.
    """
    lowest = [_inside(gap, p).min() for p in phones if p.name in names and _hops(p, gap)]
    return sum(bool(v <= limit) for v in lowest), len(lowest)


def open_share(gap: Curve, phones: Sequence[Phone], names: Collection[str]) -> tuple[int, int]:
    """How many phones of ``names`` have the lips apart by ``OPEN`` or more, and of how many."""
    widest = [_inside(gap, p).max() for p in phones if p.name in names and _hops(p, gap)]
    return sum(bool(v >= OPEN) for v in widest), len(widest)


def narrower_share(
    spoken: Sequence[tuple[Curve, Sequence[Phone]]],
    rounded: Collection[str],
    spread: Collection[str],
) -> float:
    """Share of the pairs of a rounded and a spread phone in which the rounded one is the narrower.

    spoken: mouth width ``[T]`` at 100 Hz and phones, of each utterance. NaN without a pair.
    """

    def means(names: Collection[str]) -> list[float]:
        return [
            float(_inside(width, p).mean())
            for width, phones in spoken
            for p in phones
            if p.name in names and _hops(p, width)
        ]

    pairs = np.subtract.outer(means(spread), means(rounded)) > 0
    return float(pairs.mean()) if pairs.size else float("nan")


def interval(values: NDArray[np.floating]) -> tuple[float, float]:
    """95 % interval of the mean of ``values [n]`` by the bootstrap (Efron 1979), without NaN."""
    known = values[~np.isnan(values)]
    means = np.random.default_rng(0).choice(known, size=(2000, len(known))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def silent_frames(sound: Curve, times: Curve, reach: float = 0.2) -> NDArray[np.bool_]:
    """``[T]``: nothing louder than 5 % of the clip's peak within ``reach`` s around."""
    loud = np.flatnonzero(loudness(sound) > 0.05 * loudness(sound).max()) / 100
    return np.array([not np.any(np.abs(loud - t) < reach) for t in times], bool)


def shuffled(sound: Curve, seed: int = 0, seconds: float = 0.25) -> Curve:
    """The same sound with its quarter seconds in random order: every loudness, no words."""
    size = int(seconds * SAMPLE_RATE)
    pieces = [sound[i : i + size] for i in range(0, len(sound), size)]
    order = np.random.default_rng(seed).permutation(len(pieces))
    return np.concatenate([pieces[i] for i in order])


def _hops(phone: Phone, gap: Curve) -> bool:
    return round(phone.start * 100) < min(len(gap), round(phone.end * 100))


def _inside(gap: Curve, phone: Phone) -> Curve:
    return gap[round(phone.start * 100) : round(phone.end * 100)]
