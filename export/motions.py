"""Random motions to teach a generator with: all that a face may be asked to do, combined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.motion import ARKIT, ARKIT_INDEX

__all__ = ["sample_motions"]

# (shape, probability, largest coefficient); a name without a side is drawn for both sides alike.
_MOUTH = (
    ("mouthFunnel", 0.30, 0.8), ("mouthPucker", 0.35, 1.0), ("mouthSmile", 0.30, 0.8),
    ("mouthStretch", 0.25, 0.6), ("mouthLowerDown", 0.35, 0.7), ("mouthUpperUp", 0.35, 0.7),
    ("mouthRollLower", 0.25, 0.8), ("mouthRollUpper", 0.20, 0.7), ("mouthPress", 0.25, 0.8),
    ("mouthShrugLower", 0.20, 0.6), ("mouthShrugUpper", 0.20, 0.6), ("mouthFrown", 0.15, 0.5),
    ("mouthDimple", 0.20, 0.6), ("mouthLeft", 0.06, 0.4), ("mouthRight", 0.06, 0.4),
    ("jawForward", 0.10, 0.5), ("jawLeft", 0.05, 0.3), ("jawRight", 0.05, 0.3),
    ("cheekPuff", 0.06, 0.5), ("cheekSquint", 0.12, 0.6), ("noseSneer", 0.10, 0.5),
    ("tongueOut", 0.10, 1.0),
)  # fmt: skip
_UPPER = (
    ("browInnerUp", 0.20, 0.8), ("browOuterUp", 0.20, 0.7), ("browDown", 0.15, 0.7),
    ("eyeSquint", 0.20, 0.7), ("eyeWide", 0.12, 0.6),
)  # fmt: skip


def _both(name: str) -> list[int]:
    if name in ARKIT_INDEX:
        return [ARKIT_INDEX[name]]
    return [ARKIT_INDEX[f"{name}Left"], ARKIT_INDEX[f"{name}Right"]]


def sample_motions(count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """``[count, 52]`` float32 coefficients, mostly what speech and liveliness produce."""
    face = np.zeros((count, len(ARKIT)), np.float32)
    jaw = np.where(rng.random(count) < 0.75, rng.beta(1.3, 2.2, count) * 0.8, 0.0)
    face[:, ARKIT_INDEX["jawOpen"]] = jaw
    sealed = rng.random(count) < 0.15
    face[:, ARKIT_INDEX["mouthClose"]] = jaw * sealed * rng.uniform(0.5, 1.0, count)
    for name, probability, most in _MOUTH + _UPPER:
        amount = (rng.random(count) < probability) * rng.random(count) * most
        for k in _both(name):
            # Nobody is quite symmetric.
            face[:, k] = amount * rng.uniform(0.85, 1.15, count)
    blink = (rng.random(count) < 0.5) * np.minimum(rng.random(count) * 1.6, 1.0)
    for k in _both("eyeBlink"):
        face[:, k] = np.clip(blink * rng.uniform(0.97, 1.03, count), 0, 1)
    gaze = rng.normal(0, 0.22, (2, count)) * (rng.random(count) < 0.5)
    right, down = gaze[0], gaze[1]
    face[:, ARKIT_INDEX["eyeLookInLeft"]] = np.maximum(right * -1, 0)
    face[:, ARKIT_INDEX["eyeLookOutRight"]] = np.maximum(right * -1, 0)
    face[:, ARKIT_INDEX["eyeLookOutLeft"]] = np.maximum(right, 0)
    face[:, ARKIT_INDEX["eyeLookInRight"]] = np.maximum(right, 0)
    for k in _both("eyeLookUp"):
        face[:, k] = np.maximum(-down, 0)
    for k in _both("eyeLookDown"):
        face[:, k] = np.maximum(down, 0)
    return np.clip(face, 0, 1)
