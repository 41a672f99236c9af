"""Liveliness: blinks, gaze and a slight sway, so that a silent face is not a photograph.

A pure function of stream time and seed: nothing to carry from frame to frame, nothing to drift.
Rates from the literature: 15 to 20 blinks a minute, a blink closes in about 100 ms and opens in
about 200 (Bentivoglio et al., Movement Disorders 1997); saccades last tens of milliseconds,
fixations about a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.audio import SAMPLE_RATE
from engine.motion import ARKIT, ARKIT_INDEX, Motion

__all__ = ["BLINK_SECONDS", "Liveliness", "blink_closure", "eye_coefficients"]

_BLINK_EVERY = 3.6  # s, one blink in each slot of this length
_CLOSING, _SHUT, _OPENING = 0.09, 0.04, 0.19  # s
BLINK_SECONDS = _CLOSING + _SHUT + _OPENING
_FIXATION = 1.3  # s
_SACCADE = 0.05  # s
# Sway: frequencies in Hz that never line up; amplitudes of pitch, yaw, roll in radians.
_SWAY_HZ = np.array([0.11, 0.19, 0.31])
_SWAY = np.radians([0.55, 0.90, 0.55])


@dataclass(frozen=True)
class Liveliness:
    """seed: whose rhythm. strength: 0 holds still, 1 is calm attention, 2 is restless."""

    seed: int = 0
    strength: float = 1.0

    def motion(self, pts: int) -> Motion:
        """The motion at stream time ``pts``, samples at 16 kHz."""
        return Motion(eye_coefficients(self.blink(pts), self.gaze(pts)), self.sway(pts))

    def blink(self, pts: int) -> float:
        """How far a blink closes the lids, 0 to 1. Strength is how many there are."""
        if not self.strength:
            return 0.0
        t = pts / SAMPLE_RATE
        here = int(t // _BLINK_EVERY)
        return max(
            (blink_closure(t - s) for k in (here - 1, here) if k >= 0 for s in self._blinks(k)),
            default=0.0,
        )

    def gaze(self, pts: int) -> NDArray[np.float64]:
        """``[2]`` right and down, in eyeLook coefficients; mostly at the viewer."""
        if not self.strength:
            return np.zeros(2)
        t = pts / SAMPLE_RATE

        def target(k: int) -> NDArray[np.float64]:
            rng = self._slot(2, k)
            spread = (0.16, 0.08) if rng.random() < 0.35 else (0.03, 0.02)
            return np.clip(rng.normal(0, spread), -0.35, 0.35)

        k = int(t // _FIXATION)
        start = (k + self._slot(3, k).uniform(0.0, 0.5)) * _FIXATION
        part = _smooth((t - start) / _SACCADE)
        return (target(k - 1) * (1 - part) + target(k) * part) * self.strength

    def sway(self, pts: int) -> NDArray[np.float32]:
        """``[3]`` pitch, yaw and roll of the head, radians."""
        if not self.strength:
            return np.zeros(3, np.float32)
        t = pts / SAMPLE_RATE
        phases = self._slot(4, 0).uniform(0, 2 * np.pi, (3, 3))
        waves = np.sin(2 * np.pi * t * _SWAY_HZ * (1, 0.83, 1.13) + phases)
        sway: NDArray[np.float32] = (_SWAY * (waves @ (0.5, 0.3, 0.2))).astype(np.float32)
        return sway * np.float32(self.strength)

    def _blinks(self, k: int) -> list[float]:
        """When the blinks of slot k begin, seconds."""
        rng = self._slot(1, k)
        starts = [(k + rng.uniform(0.15, 0.85)) * _BLINK_EVERY]
        if rng.random() < 0.12:  # now and then two in a row
            starts.append(starts[0] + 0.42)
        if rng.random() >= self.strength:
            starts.clear()
        if rng.random() < self.strength - 1:
            starts.append((k + rng.uniform(0.15, 0.85)) * _BLINK_EVERY)
        return starts

    def _slot(self, stream: int, k: int) -> np.random.Generator:
        """Random numbers that belong to slot k of a stream, whenever it is asked for."""
        return np.random.default_rng([self.seed, stream, k + 1])


def blink_closure(seconds: float) -> float:
    """How far the lids are closed, 0 to 1, so long after a blink began."""
    if seconds < _CLOSING:
        return _smooth(seconds / _CLOSING)
    if seconds < _CLOSING + _SHUT:
        return 1.0
    return _smooth(1 - (seconds - _CLOSING - _SHUT) / _OPENING)


def eye_coefficients(lid: float, gaze: NDArray[np.float64]) -> NDArray[np.float32]:
    """``[52]`` float32: the lids closed by ``lid``, both eyes turned to ``gaze``, right and down.

    Upper lids follow a gaze that is lowered.
    """
    face = np.zeros(len(ARKIT), np.float32)
    right, down = float(gaze[0]), float(gaze[1])
    closed = float(np.clip(lid + 0.25 * max(down, 0.0), 0, 1))
    face[ARKIT_INDEX["eyeBlinkLeft"]] = face[ARKIT_INDEX["eyeBlinkRight"]] = closed
    for name, amount in (
        ("eyeLookOutLeft", right), ("eyeLookInRight", right),
        ("eyeLookInLeft", -right), ("eyeLookOutRight", -right),
        ("eyeLookDownLeft", down), ("eyeLookDownRight", down),
        ("eyeLookUpLeft", -down), ("eyeLookUpRight", -down),
    ):  # fmt: skip
        face[ARKIT_INDEX[name]] = max(amount, 0.0)
    return face


def _smooth(x: float) -> float:
    x = min(max(x, 0.0), 1.0)
    return x * x * (3 - 2 * x)
