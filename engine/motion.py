"""Motion: what a face does, independent of whose face it is.

52 ARKit blendshape coefficients in the order and spelling of Apple's
``ARFaceAnchor.BlendShapeLocation``, plus the rotation of the head.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["ARKIT", "ARKIT_INDEX", "Motion", "coefficients"]

ARKIT: tuple[str, ...] = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft",
    "eyeSquintLeft", "eyeWideLeft",
    "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight",
    "eyeSquintRight", "eyeWideRight",
    "jawForward", "jawLeft", "jawRight", "jawOpen",
    "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight",
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight",
    "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthUpperUpLeft", "mouthUpperUpRight",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "noseSneerLeft", "noseSneerRight",
    "tongueOut",
)  # fmt: skip
ARKIT_INDEX: dict[str, int] = {name: i for i, name in enumerate(ARKIT)}


@dataclass(frozen=True)
class Motion:
    """One instant of facial motion.

    face: ``[52]`` float32, ARKit coefficients, 0 to 1, in the order of ``ARKIT``.
    head: ``[3]`` float32, pitch (nod down +), yaw (turn to the subject's left +), roll (tilt to
          the subject's left shoulder +), radians.
    """

    face: NDArray[np.float32] = field(default_factory=lambda: np.zeros(len(ARKIT), np.float32))
    head: NDArray[np.float32] = field(default_factory=lambda: np.zeros(3, np.float32))

    def __post_init__(self) -> None:
        assert self.face.shape == (len(ARKIT),), f"face is {self.face.shape}, expected (52,)"
        assert self.head.shape == (3,), f"head is {self.head.shape}, expected (3,)"

    def plus(self, other: Motion) -> Motion:
        """Both motions at once; coefficients stay within 0 to 1."""
        return Motion(np.clip(self.face + other.face, 0.0, 1.0), self.head + other.head)


def coefficients(**values: float) -> NDArray[np.float32]:
    """``[52]`` float32 with the named coefficients set. A bare ``eyeBlink`` sets left and right.

    Raises KeyError for a name that is not ARKit's.
    """
    face = np.zeros(len(ARKIT), np.float32)
    for name, value in values.items():
        for full in (name,) if name in ARKIT_INDEX else (f"{name}Left", f"{name}Right"):
            face[ARKIT_INDEX[full]] = value
    return face
