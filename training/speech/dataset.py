"""Training examples: windows of sound with the lips that belong to them.

Two kinds of target meet here. Aligned speech has controls from the coarticulation model, so every
control is known. Tracked speech has measured lips, so only geometry is known. Both are turned into
lip displacements on the network's own time line: 100 rows a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.audio import HOP_SAMPLES, SAMPLE_RATE
from engine.features import BANDS
from training.speech.articulators import CONTROLS
from training.speech.augmentation import Surroundings
from training.speech.coarticulation import Coarticulation
from training.speech.lips import LIPS
from training.speech.phones import PHONE_INDEX, SILENCE, Phone
from training.speech.spectra import (
    columns_of,
    level_of,
    microphone,
    mixed,
    resized,
    room,
    sampled,
    silent_columns,
)
from training.speech.tracking import Track

__all__ = [
    "UNKNOWN_PHONE",
    "Batch",
    "Example",
    "Windows",
    "aligned_example",
    "collate",
    "phone_labels",
    "tracked_example",
    "voice_activity",
]

HOPS_A_SECOND = SAMPLE_RATE // HOP_SAMPLES
UNKNOWN_PHONE = -1
_PAUSE_SECONDS = 0.25  # shorter silences between phones do not count as silence
_MARGIN_SECONDS = 0.06  # lips begin before the sound and end after it


@dataclass(frozen=True)
class Example:
    """One utterance with targets at 100 Hz, before augmentation.

    columns:      ``[T, 80]`` float16, log-mel spectrogram
    voice:        ``[T]`` float32, 1 while somebody speaks
    phones:       ``[T]`` int8, index into ``ARPABET`` or ``UNKNOWN_PHONE``
    controls:     ``[T, 16]`` float32 for aligned speech, else None; NaN where the words are unsure
    displacement: ``[T, 40, 2]`` float32 for tracked speech (NaN where unseen), else None
    level:        dB, of the whole utterance
    """

    columns: NDArray[np.float16]
    voice: NDArray[np.float32]
    phones: NDArray[np.int8]
    controls: NDArray[np.float32] | None = None
    displacement: NDArray[np.float32] | None = None
    level: float = 0.0


@dataclass(frozen=True)
class Batch:
    """``columns [B, T, 80]`` and what row n should be: the mouth ``look_ahead`` hops before n.

    voice ``[B, T]``; phones ``[B, T]`` int64; controls ``[B, T, 16]`` with ``aligned [B, T]`` 1
    where they are known; displacement ``[B, T, 40, 2]`` with ``tracked [B, T]`` 1 where it is
    known.
    """

    columns: Tensor
    voice: Tensor
    phones: Tensor
    controls: Tensor
    aligned: Tensor
    displacement: Tensor
    tracked: Tensor


def voice_activity(phones: Sequence[Phone], hops: int) -> NDArray[np.float32]:
    """``[hops]``: 1 from shortly before to shortly after speech, pauses between words included."""
    voice = np.zeros(hops, np.float32)
    times = np.arange(hops) / HOPS_A_SECOND
    spoken = [p for p in phones if p.name != SILENCE]
    for n, phone in enumerate(spoken):
        end = phone.end + _MARGIN_SECONDS
        if n + 1 < len(spoken) and spoken[n + 1].start - phone.end < _PAUSE_SECONDS:
            end = spoken[n + 1].start
        voice[(times >= phone.start - _MARGIN_SECONDS) & (times <= end)] = 1.0
    return voice


def phone_labels(phones: Sequence[Phone], hops: int) -> NDArray[np.int8]:
    """``[hops]``: which phone is said at each hop, silence outside of all."""
    labels = np.full(hops, PHONE_INDEX[SILENCE], np.int8)
    for phone in phones:
        first, last = (round(t * HOPS_A_SECOND) for t in (phone.start, phone.end))
        labels[first:last] = PHONE_INDEX[phone.name]
    return labels


@torch.no_grad()
def aligned_example(
    sound: NDArray[np.float32],
    phones: Sequence[Phone],
    model: Coarticulation,
    sure: NDArray[np.bool_] | None = None,
) -> Example:
    """Speech with phone times; the coarticulation model says how the mouth moves.

    sure: ``[T]``, where the phones can be trusted; everywhere if None.
    """
    hops = len(sound) // HOP_SAMPLES
    controls = model(phones, torch.arange(hops) / HOPS_A_SECOND).numpy()
    labels = phone_labels(phones, hops)
    if sure is not None:
        controls[~sure[:hops]] = np.nan
        labels[~sure[:hops]] = UNKNOWN_PHONE
    columns = columns_of(sound)
    return Example(
        columns.astype(np.float16),
        voice_activity(phones, hops),
        labels,
        controls=controls,
        level=level_of(columns),
    )


def tracked_example(
    track: Track, phones: Sequence[Phone] | None, offset: float, scale: float = 1.0
) -> Example:
    """Tracked speech; lips at the video's time t belong to sound at ``t + offset`` (s).

    Without phones the whole clip counts as speech. In silence the target is rest, whatever the
    speaker's lips did. scale: how much further the lips should go than this speaker's do.
    """
    hops = len(track.sound) // HOP_SAMPLES
    at = np.arange(hops) / HOPS_A_SECOND
    times, seen = track.times + offset, track.seen
    flat = scale * track.displacement.reshape(len(times), -1)
    moved = np.stack([np.interp(at, times[seen], c[seen]) for c in flat.T], axis=1)
    nearest = np.abs(at[:, None] - times[seen]).min(axis=1)
    moved[nearest > 0.1] = np.nan  # no face was seen around this time
    voice = np.ones(hops, np.float32) if phones is None else voice_activity(phones, hops)
    moved[voice == 0] = 0.0
    lips = moved.reshape(hops, len(LIPS), 2).astype(np.float32)
    labels = np.full(hops, UNKNOWN_PHONE, np.int8)
    if phones is not None:
        labels = phone_labels(phones, hops)
    columns = columns_of(track.sound)
    return Example(
        columns.astype(np.float16), voice, labels, displacement=lips, level=level_of(columns)
    )


class Windows:
    """Augmented windows of examples, drawn at random.

    look_ahead: hops by which the targets are older than the columns.
    speeds:     least and greatest change of pace.
    sizes:      least and greatest change of all frequencies, for throats of other lengths.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        surroundings: Surroundings,
        look_ahead: int,
        speeds: tuple[float, float] = (0.9, 1.15),
        sizes: tuple[float, float] = (0.84, 1.28),
        hops: int = 200,
    ) -> None:
        self._examples = examples
        self._surroundings = surroundings
        self._look_ahead = look_ahead
        self._speeds = speeds
        self._sizes = sizes
        self._hops = hops
        lengths = np.array([len(e.voice) for e in examples], np.float64)
        self._chance = lengths / lengths.sum() if len(examples) else lengths

    def draw(self, rng: np.random.Generator) -> Iterator[dict[str, NDArray[np.generic]]]:
        """Endless windows: the fields of ``Batch`` without the batch dimension."""
        while True:
            example = self._examples[rng.choice(len(self._examples), p=self._chance)]
            speed = float(np.exp(rng.uniform(*np.log(self._speeds))))
            window = int(self._hops * speed) + 2
            first = int(rng.integers(-60, max(-59, len(example.voice) - window + 60)))
            yield self._window(example, first, speed, rng)

    def silence(self, rng: np.random.Generator) -> Iterator[dict[str, NDArray[np.generic]]]:
        """Endless windows in which nobody speaks."""
        nothing = Example(
            np.zeros((0, BANDS), np.float16), np.zeros(0, np.float32), np.zeros(0, np.int8)
        )
        while True:
            yield self._window(nothing, 0, 1.0, rng)

    def _window(
        self, example: Example, first: int, speed: float, rng: np.random.Generator
    ) -> dict[str, NDArray[np.generic]]:
        hops = np.arange(self._hops)
        columns = sampled(example.columns, first + hops * speed)
        columns = self._surround(columns, example, rng)
        # the row of column k is the mouth at hop k - look_ahead of the window
        row = np.round(first + (hops - self._look_ahead) * speed).astype(int)
        inside = (row >= 0) & (row < len(example.voice))
        row = row[inside]
        heard = hops >= (25 if first > 0 else self._look_ahead)
        voice = np.zeros(self._hops, np.float32)
        voice[inside] = example.voice[row]
        phones = np.full(self._hops, PHONE_INDEX[SILENCE], np.int64)
        phones[inside] = example.phones[row]
        phones[~heard] = UNKNOWN_PHONE
        controls = np.zeros((self._hops, len(CONTROLS)), np.float32)
        lips = np.zeros((self._hops, len(LIPS), 2), np.float32)
        tracked = np.zeros(self._hops, np.float32)
        # outside an utterance, and where nobody speaks, rest is known for every control
        known = heard & (~inside | (example.displacement is None))
        if example.controls is not None:
            controls[inside] = example.controls[row]
            known &= ~np.isnan(controls[:, 0])
            controls[~known] = 0.0
        if example.displacement is not None:
            lips[inside] = example.displacement[row]
            seen = ~np.isnan(lips[:, 0, 0])
            lips[~seen] = 0.0
            tracked = (heard & inside & seen).astype(np.float32)
        return {
            "columns": columns,
            "voice": voice,
            "phones": phones,
            "controls": controls,
            "aligned": known.astype(np.float32),
            "displacement": lips,
            "tracked": tracked,
        }

    def _surround(
        self, columns: NDArray[np.float32], example: Example, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Throat, microphone, room, other sounds and level; some stay as recorded."""
        if len(example.columns) == 0:
            loud = rng.uniform(-75, -8) if rng.random() < 0.85 else -300.0
            noise = self._surroundings.columns(self._hops, rng)
            return mixed(silent_columns(self._hops), 0.0, noise, loud)
        if rng.random() < 0.8:
            columns = resized(columns, float(np.exp(rng.uniform(*np.log(self._sizes)))))
        if rng.random() < 0.9:
            columns = microphone(columns, rng)
        if rng.random() < 0.45:
            columns = room(columns, rng)
        level = rng.uniform(-42, -8)
        chance, below = rng.random(), 300.0
        if chance < 0.6:
            below = rng.uniform(3, 35)
        elif chance < 0.8:
            below = rng.uniform(45, 70)
        noise = self._surroundings.columns(self._hops, rng)
        return mixed(columns, level - example.level, noise, level - below)


def collate(windows: Sequence[dict[str, NDArray[np.generic]]]) -> Batch:
    """Windows to one batch."""
    assert windows[0]["columns"].shape[-1] == BANDS
    return Batch(**{k: torch.from_numpy(np.stack([w[k] for w in windows])) for k in windows[0]})
