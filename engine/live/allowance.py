"""How long before it leaves a picture's sound has to be complete, learnt while a session runs.

From complete sound to finished picture takes as long as the machine lets it: a third of a picture's
time when it is quiet, more than one when it is busy. The allowance follows the slowest pictures but
for a few, up within a second or two, down slowly. Who uses it moves the anchor of the sound in the
next pause, so that neither direction is heard or seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["AllowanceState", "begin", "step"]

LEAST_MS, MOST_MS = 10.0, 150.0
RARE = 0.03  # share of the pictures that may be late
RESERVE_MS = 2.0
TOO_MUCH_MS = 4.0  # an allowance that exceeds its need by less is left alone
WINDOW = 300  # pictures, 12 s
JUDGED = 25  # pictures between two looks, and the fewest to judge by


@dataclass(frozen=True)
class AllowanceState:
    """ms: the allowance. recent: times of the last pictures in ms. unjudged: how many of them came
    since it was last looked at."""

    ms: float
    recent: tuple[float, ...] = ()
    unjudged: int = 0


def begin(ms: float) -> AllowanceState:
    """Nothing is known but a guess."""
    return AllowanceState(min(max(ms, LEAST_MS), MOST_MS))


def step(taken_ms: float, state: AllowanceState) -> AllowanceState:
    """One more picture took ``taken_ms`` from complete sound to the shelf, or to being given up."""
    state = replace(
        state,
        recent=(*state.recent[-(WINDOW - 1) :], taken_ms),
        unjudged=state.unjudged + 1,
    )
    if state.unjudged < JUDGED:
        return state
    slow = float(np.quantile(state.recent, 1 - RARE)) + RESERVE_MS
    wanted = min(max(slow, LEAST_MS), MOST_MS)
    settled = len(state.recent) == WINDOW
    if wanted > state.ms + RESERVE_MS or (settled and wanted < state.ms - TOO_MUCH_MS):
        state = replace(state, ms=wanted)
    return replace(state, unjudged=0)
