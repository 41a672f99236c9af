"""A soft gate by voice activity: the mouth moves for speech and rests for everything else.

The probability of voice comes from the speech model itself, which is trained against noise, breath
and music beds. WebRTC's detector was the alternative: it takes nearly all noise at -25 dB for
speech where this takes one hop in twenty (docs/speech.md), keeps its state in C where it can not be
handed on, and knows no look-ahead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["VoiceGate", "VoiceGateState"]


@dataclass(frozen=True)
class VoiceGateState:
    """``level``: how far the gate is open, 0 to 1."""

    level: float = 0.0


@dataclass(frozen=True)
class VoiceGate:
    """From probabilities of voice to a gain in 0 to 1 that neither clicks nor chatters.

    closed, opened: below the first probability the gate closes fully, above the second it opens
                    fully, between them it follows.
    attack, release: hops from closed to open and from open to closed, at least. A closing mouth
                     is slower than an opening one; both are shorter than a syllable.
    """

    closed: float = 0.35
    opened: float = 0.65
    attack: int = 3
    release: int = 8

    def initial_state(self) -> VoiceGateState:
        """Closed."""
        return VoiceGateState()

    def step(
        self, voice: NDArray[np.float32], state: VoiceGateState
    ) -> tuple[NDArray[np.float32], VoiceGateState]:
        """Probabilities ``[k]``, one a hop, to gains ``[k]``, float32."""
        wanted = np.clip((voice - self.closed) / (self.opened - self.closed), 0.0, 1.0)
        level = state.level
        gains = np.empty(len(voice), np.float32)
        for n, goal in enumerate(wanted.tolist()):
            level = min(max(goal, level - 1 / self.release), level + 1 / self.attack)
            gains[n] = level
        return gains, VoiceGateState(level)
