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
from engine.features import BANDS, LogMel
from training.speech.articulators import CONTROLS
from training.speech.augmentation import Surroundings, change_speed, colour
from training.speech.coarticulation import Coarticulation
from training.speech.lips import LIPS
from training.speech.phones import SILENCE, Phone
from training.speech.tracking import Track

__all__ = [
    "Batch",
    "Example",
    "Windows",
    "aligned_example",
    "collate",
    "tracked_example",
    "voice_activity",
]

HOPS_A_SECOND = SAMPLE_RATE // HOP_SAMPLES
_PAUSE_SECONDS = 0.25  # shorter silences between phones do not count as silence
_MARGIN_SECONDS = 0.06  # lips begin before the sound and end after it


@dataclass(frozen=True)
class Example:
    """One utterance with targets at 100 Hz, before augmentation.

    sound:        ``[n]`` float32
    voice:        ``[T]`` float32, 1 while somebody speaks
    controls:     ``[T, 16]`` float32 for aligned speech, else None
    displacement: ``[T, 40, 2]`` float32 for tracked speech (NaN where unseen), else None
    """

    sound: NDArray[np.float32]
    voice: NDArray[np.float32]
    controls: NDArray[np.float32] | None = None
    displacement: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Batch:
    """``columns [B, T, 80]`` and what row n should be: the mouth ``look_ahead`` hops before n.

    voice ``[B, T]``; controls ``[B, T, 16]`` with ``aligned [B, T]`` 1 where they are known;
    displacement ``[B, T, 40, 2]`` with ``tracked [B, T]`` 1 where it is known.
    """

    columns: Tensor
    voice: Tensor
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


@torch.no_grad()
def aligned_example(
    sound: NDArray[np.float32], phones: Sequence[Phone], model: Coarticulation
) -> Example:
    """Speech with phone times; the coarticulation model says how the mouth moves."""
    hops = len(sound) // HOP_SAMPLES
    controls = model(phones, torch.arange(hops) / HOPS_A_SECOND).numpy()
    return Example(sound, voice_activity(phones, hops), controls=controls)


def tracked_example(track: Track, phones: Sequence[Phone] | None, offset: float) -> Example:
    """Tracked speech; lips at the video's time t belong to sound at ``t + offset`` (s).

    Without phones the whole clip counts as speech. In silence the target is rest, whatever the
    speaker's lips did.
    """
    hops = len(track.sound) // HOP_SAMPLES
    at = np.arange(hops) / HOPS_A_SECOND
    times, seen = track.times + offset, track.seen
    flat = track.displacement.reshape(len(times), -1)
    moved = np.stack([np.interp(at, times[seen], c[seen]) for c in flat.T], axis=1)
    nearest = np.abs(at[:, None] - times[seen]).min(axis=1)
    moved[nearest > 0.1] = np.nan  # no face was seen around this time
    voice = np.ones(hops, np.float32) if phones is None else voice_activity(phones, hops)
    moved[voice == 0] = 0.0
    lips = moved.reshape(hops, len(LIPS), 2).astype(np.float32)
    return Example(track.sound, voice, displacement=lips)


class Windows:
    """Augmented windows of examples, drawn at random.

    look_ahead: hops by which the targets are older than the columns.
    speeds:     least and greatest change of speed.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        surroundings: Surroundings,
        look_ahead: int,
        speeds: tuple[float, float] = (0.9, 1.1),
        hops: int = 256,
    ) -> None:
        self._examples = examples
        self._surroundings = surroundings
        self._look_ahead = look_ahead
        self._speeds = speeds
        self._hops = hops
        lengths = np.array([len(e.sound) for e in examples], np.float64)
        self._chance = lengths / lengths.sum() if len(examples) else lengths
        self._log_mel = LogMel()

    def draw(self, rng: np.random.Generator) -> Iterator[dict[str, NDArray[np.float32]]]:
        """Endless windows: the fields of ``Batch`` without the batch dimension."""
        while True:
            example = self._examples[rng.choice(len(self._examples), p=self._chance)]
            speed = float(np.exp(rng.uniform(*np.log(self._speeds))))
            window = int(self._hops * speed) + 2
            total = len(example.sound) // HOP_SAMPLES
            first = int(rng.integers(-60, max(-59, total - window + 60)))
            yield self._window(example, first, speed, rng)

    def silence(self, rng: np.random.Generator) -> Iterator[dict[str, NDArray[np.float32]]]:
        """Endless windows in which nobody speaks."""
        nothing = Example(np.zeros(0, np.float32), np.zeros(0, np.float32))
        while True:
            yield self._window(nothing, 0, 1.0, rng)

    def _window(
        self, example: Example, first: int, speed: float, rng: np.random.Generator
    ) -> dict[str, NDArray[np.float32]]:
        n = self._hops * HOP_SAMPLES
        start = first * HOP_SAMPLES
        raw = np.zeros(int(n * speed) + 2, np.float32)
        _paste(raw, example.sound, -start)
        sound = self._surround(change_speed(raw, speed, n), rng)
        columns, _ = self._log_mel.step(sound, self._log_mel.initial_state())
        # the row of column k is the mouth at hop k - look_ahead of the window
        at = first + (np.arange(self._hops) - self._look_ahead) * speed
        row = np.round(at).astype(int)
        inside = (row >= 0) & (row < len(example.voice))
        row = np.where(inside, row, 0)
        heard = np.arange(self._hops) >= (25 if first > 0 else self._look_ahead)
        voice = np.where(inside, example.voice[row] if len(example.voice) else 0.0, 0.0)
        controls = np.zeros((self._hops, len(CONTROLS)), np.float32)
        lips = np.zeros((self._hops, len(LIPS), 2), np.float32)
        tracked = np.zeros(self._hops, np.float32)
        if example.controls is not None:
            controls[inside] = example.controls[row[inside]]
        if example.displacement is not None:
            lips[inside] = example.displacement[row[inside]]
            seen = ~np.isnan(lips[:, 0, 0])
            lips[~seen] = 0.0
            tracked = (heard & inside & seen).astype(np.float32)
        # outside an utterance, and where nobody speaks, rest is known for every control
        known = heard & (~inside | (example.displacement is None))
        return {
            "columns": columns,
            "voice": voice.astype(np.float32),
            "controls": controls,
            "aligned": known.astype(np.float32),
            "displacement": lips,
            "tracked": tracked,
        }

    def _surround(
        self, sound: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Room, microphone, other sounds and level; a tenth of the windows stays as recorded."""
        level = np.sqrt((sound**2).mean())
        if level > 0 and rng.random() < 0.9:
            sound = colour(sound, rng)
            level = np.sqrt((sound**2).mean())
        gain = 10 ** (rng.uniform(-42, -14) / 20)
        sound = sound * (gain / level) if level > 0 else sound
        noise = self._surroundings.draw(len(sound), rng)
        if level == 0:
            loud = rng.random() < 0.85
            sound = noise * (10 ** (rng.uniform(-75, -18) / 20) if loud else 0.0)
        elif rng.random() < 0.6:
            sound = sound + noise * gain * 10 ** (-rng.uniform(5, 35) / 20)
        elif rng.random() < 0.5:
            sound = sound + noise * 10 ** (rng.uniform(-85, -65) / 20)
        return np.clip(sound, -1, 1).astype(np.float32)


def collate(windows: Sequence[dict[str, NDArray[np.float32]]]) -> Batch:
    """Windows to one batch."""
    assert windows[0]["columns"].shape[-1] == BANDS
    return Batch(**{k: torch.from_numpy(np.stack([w[k] for w in windows])) for k in windows[0]})


def _paste(into: NDArray[np.float32], sound: NDArray[np.float32], at: int) -> None:
    """Copy ``sound`` into ``into`` at index ``at``, which may lie outside."""
    begin, end = max(0, at), min(len(into), at + len(sound))
    if end > begin:
        into[begin:end] = sound[begin - at : end - at]
