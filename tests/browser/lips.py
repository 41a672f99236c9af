"""Do the lips in received pictures say what is heard? Without looking for landmarks.

The sound that the browser received is given to the pipeline offline, without liveliness. How those
pictures' mouths differ from rest, most of all, is their first principal component; along it the
received mouths are measured too. That makes two curves over the browser's own time: what the lips
did, and what they should have done for what was heard at that time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, SAMPLE_RATE, Resampler
from engine.motion import Motion

WIDTH, HEIGHT = 32, 24
STEP_MS = 10.0
MOST_LAG_MS = 100.0
LEAST_R = 0.9
_SEARCHED_MS = 300

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Heard:
    """``samples``: int16 at 48 kHz; the first one was heard at ``begin_ms``."""

    samples: NDArray[np.int16]
    begin_ms: float


@dataclass(frozen=True)
class Agreement:
    """``r``: correlation at the best lag. ``lag_ms``: how much later the lips are than that."""

    r: float
    lag_ms: float

    @property
    def holds(self) -> bool:
        return self.r >= LEAST_R and abs(self.lag_ms) <= MOST_LAG_MS


def heard_sound(blocks: list[dict[str, Any]]) -> Heard:
    """The probe's blocks as one sound. The graph's clock is tied to the page's by the block that
    waited least to be handed over."""
    samples = [np.array(b["samples"], np.int16) for b in blocks]
    waits = [
        b["arrival"] - 1000 * (b["t"] + len(s) / 48000)
        for b, s in zip(blocks, samples, strict=True)
    ]
    return Heard(np.concatenate(samples), 1000 * blocks[0]["t"] + min(waits))


def mouth_patch(frame: NDArray[np.uint8], mouth: tuple[int, int, int, int]) -> NDArray[np.float64]:
    """The mouth's luma as the probe takes it: ``[HEIGHT * WIDTH]``."""
    x0, y0, x1, y1 = mouth
    small = cv2.resize(frame[y0:y1, x0:x1], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return (small.astype(np.float64) @ (0.299, 0.587, 0.114)).ravel()


class LipReader:
    """Knows one avatar's mouth and how it moves with one sound."""

    def __init__(self, pipeline: Any, mouth: tuple[int, int, int, int], heard: Heard) -> None:
        self._pipeline = pipeline
        self._mouth = mouth
        self._heard, self._own = heard, self._patches(heard)
        self._rest = mouth_patch(pipeline.draw(Motion()), mouth)
        _, _, directions = np.linalg.svd(self._own - self._own.mean(axis=0), full_matrices=False)
        self._direction = directions[0]

    def expected(self, other: Heard | None = None) -> tuple[Curve, Curve]:
        """(times in ms, how far the mouth should be from rest), for its sound or another one."""
        heard = other or self._heard
        patches = self._own if other is None else self._patches(other)
        times = heard.begin_ms + np.arange(len(patches)) * 1000 * FRAME_SAMPLES / SAMPLE_RATE
        return times, self._measure(patches)

    def received(self, frames: list[dict[str, Any]]) -> tuple[Curve, Curve]:
        """(times in ms, how far the mouth is from rest) of the probe's pictures."""
        patches = np.array([f["mouth"] for f in frames], np.float64)
        return np.array([f["shown"] for f in frames], np.float64), self._measure(patches)

    def _measure(self, patches: NDArray[np.float64]) -> Curve:
        return (patches - self._rest) @ self._direction

    def _patches(self, heard: Heard) -> NDArray[np.float64]:
        samples = Resampler(48000).push(heard.samples)
        motions, _ = self._pipeline.listen(samples, self._pipeline.initial_state())
        drawn = (self._pipeline.draw(timed.motion) for timed in motions)
        return np.array([mouth_patch(frame, self._mouth) for frame in drawn])


def loudness(heard: Heard) -> tuple[Curve, Curve]:
    """The curve of a jaw that opens with the loudness: the cheat to be found out."""
    count = len(heard.samples) // 1920
    blocks = heard.samples[: count * 1920].reshape(count, 1920).astype(np.float64)
    return heard.begin_ms + np.arange(count) * 40.0, np.sqrt((blocks**2).mean(axis=1))


def shuffled(heard: Heard, seed: int = 0) -> Heard:
    """The same sound in another order: pieces of 0.4 s."""
    piece = 48000 * 2 // 5
    count = len(heard.samples) // piece
    pieces = heard.samples[: count * piece].reshape(count, piece)
    return Heard(np.random.default_rng(seed).permutation(pieces).ravel(), heard.begin_ms)


def agreement(lips: tuple[Curve, Curve], expected: tuple[Curve, Curve]) -> Agreement:
    """How well two curves agree, and how much later the first is."""
    margin = _SEARCHED_MS + STEP_MS
    begin = max(lips[0][0], expected[0][0]) + margin
    end = min(lips[0][-1], expected[0][-1]) - margin
    grid = np.arange(begin, end, STEP_MS)
    assert len(grid) > 2000 / STEP_MS, "less than two seconds in common"
    wanted = np.interp(grid, *expected)
    lags = np.arange(-_SEARCHED_MS, _SEARCHED_MS + 1, STEP_MS)
    fits = [float(np.corrcoef(np.interp(grid + lag, *lips), wanted)[0, 1]) for lag in lags]
    best = int(np.argmax(fits))
    return Agreement(fits[best], float(lags[best]))


def share_at_rest(
    lips: tuple[Curve, Curve], heard: Heard, after_ms: float = 300.0, within: float = 0.15
) -> float:
    """Share of the pictures shown in silence, well after any sound, that are close to rest.

    ``within``: of the range between rest and the 95th percentile of all pictures.
    """
    times, level = loudness(heard)
    loud = times[level > 60]
    last = np.searchsorted(loud, lips[0]) - 1
    since = np.where(last >= 0, lips[0] - loud[np.maximum(last, 0)], np.inf)
    coming = np.append(loud, np.inf)[np.searchsorted(loud, lips[0])] - lips[0]
    inside = (lips[0] > times[0] + 1000) & (lips[0] < times[-1])
    silent = (since > after_ms) & (coming > 200) & inside
    assert silent.sum() >= 10, "no silence to look at"
    reach = np.percentile(np.abs(lips[1]), 95)
    return float((np.abs(lips[1][silent]) < within * reach).mean())
