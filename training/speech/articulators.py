"""The mouth as the speech model moves it: 16 articulators, each one or two ARKit coefficients.

Speech moves both halves of a mouth alike, so left and right share one articulator. What speech
does not move (smile as an emotion, brows, lids, head) is not the speech model's to say.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.motion import ARKIT, ARKIT_INDEX

__all__ = ["ARTICULATORS", "ARTICULATOR_INDEX", "spread_matrix"]

ARTICULATORS: tuple[str, ...] = (
    "jawOpen", "jawForward",
    "mouthClose", "mouthFunnel", "mouthPucker",
    "mouthStretch", "mouthSmile", "mouthDimple",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPress", "mouthLowerDown", "mouthUpperUp",
    "tongueOut",
)  # fmt: skip
ARTICULATOR_INDEX: dict[str, int] = {name: i for i, name in enumerate(ARTICULATORS)}


def spread_matrix() -> NDArray[np.float32]:
    """``[16, 52]`` of ones and zeros: ``articulators @ spread`` are ARKit coefficients."""
    spread = np.zeros((len(ARTICULATORS), len(ARKIT)), np.float32)
    for row, name in enumerate(ARTICULATORS):
        for full in (name,) if name in ARKIT_INDEX else (f"{name}Left", f"{name}Right"):
            spread[row, ARKIT_INDEX[full]] = 1.0
    return spread
