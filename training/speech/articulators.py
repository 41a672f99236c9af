"""The mouth as speech controls it: 16 controls, and the ARKit coefficients that they stand for.

Speech moves both halves of a mouth alike, so left and right share one control. What speech does
not move (smile as an emotion, brows, lids, head) is not the speech model's to say.

One control is not a coefficient: ``closure``, how far the lips are brought together whatever the
jaw does. Lips that meet need mouthClose in proportion to jawOpen and nothing else that parts them;
left to single coefficients, an average of "open" and "closed" would never be closed.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.motion import ARKIT, ARKIT_INDEX

__all__ = ["CONTROLS", "CONTROL_INDEX", "JAW_LIMIT", "JAW_TO_CLOSE", "articulate", "spread_matrix"]

CONTROLS: tuple[str, ...] = (
    "jawOpen", "jawForward",
    "closure", "mouthFunnel", "mouthPucker",
    "mouthStretch", "mouthSmile", "mouthDimple",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPress", "mouthLowerDown", "mouthUpperUp",
    "tongueOut",
)  # fmt: skip
CONTROL_INDEX: dict[str, int] = {name: i for i, name in enumerate(CONTROLS)}

JAW_TO_CLOSE = 0.84  # mouthClose that undoes the lip gap of jawOpen = 1 in the landmark basis
JAW_LIMIT = 0.6  # speech does not open a jaw further; a yawn would
_PARTING = ("mouthFunnel", "mouthShrugUpper", "mouthLowerDown", "mouthUpperUp", "tongueOut")


def articulate(controls: Tensor) -> Tensor:
    """Controls ``[..., 16]`` in 0..1 to coefficients ``[..., 16]`` in the same order.

    The jaw stops at its limit. ``closure`` becomes mouthClose; at closure 1 everything that parts
    the lips is undone.
    """
    jaw = controls[..., CONTROL_INDEX["jawOpen"]].clamp(max=JAW_LIMIT).unsqueeze(-1)
    closure = controls[..., CONTROL_INDEX["closure"]].unsqueeze(-1)
    parting = torch.tensor([name in _PARTING for name in CONTROLS], dtype=controls.dtype)
    closing = torch.tensor([name == "closure" for name in CONTROLS], dtype=controls.dtype)
    opening = torch.tensor([name == "jawOpen" for name in CONTROLS], dtype=controls.dtype)
    others = controls * (1 - closing - opening) * (1 - parting * closure)
    return others + opening * jaw + closing * (JAW_TO_CLOSE * jaw * closure)


def spread_matrix() -> NDArray[np.float32]:
    """``[16, 52]`` of ones and zeros: ``articulate(controls) @ spread`` are ARKit coefficients."""
    spread = np.zeros((len(CONTROLS), len(ARKIT)), np.float32)
    for row, control in enumerate(CONTROLS):
        name = "mouthClose" if control == "closure" else control
        for full in (name,) if name in ARKIT_INDEX else (f"{name}Left", f"{name}Right"):
            spread[row, ARKIT_INDEX[full]] = 1.0
    return spread
