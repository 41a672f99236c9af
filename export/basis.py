"""The landmark basis: how 468 face landmarks move with identity and with the 52 ARKit coefficients.

Derived from the ICT Face Model Light (Li et al., "Learning Formation of Physically-Based Face
Attributes", CVPR 2020) by ``training.landmark_basis``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["ANCHORS", "BASIS_PATH", "LandmarkBasis"]

BASIS_PATH = Path(__file__).parent / "resources" / "landmark_basis.npz"
ANCHORS = ("upper_teeth", "lower_teeth", "tongue")
_LANDMARKS = 468


@dataclass(frozen=True)
class LandmarkBasis:
    """Linear model of landmark positions, float32, centimetres, x right, y up, z to the viewer.

    ``position = neutral + identity-weights . identity + coefficients . expression``

    neutral:    ``[468, 3]``         identity:    ``[100, 468, 3]`` (weights in standard deviations)
    expression: ``[52, 468, 3]``, the displacement at coefficient 1, ARKit's order
    triangles:  ``[T, 3]``, MediaPipe's tesselation; mouth and eyes are holes in it
    anchors_*:  the same for the centres of ``ANCHORS``: ``[3, 3]``, ``[100, 3, 3]``, ``[52, 3, 3]``
    """

    neutral: NDArray[np.float32]
    identity: NDArray[np.float32]
    expression: NDArray[np.float32]
    triangles: NDArray[np.int64]
    anchors_neutral: NDArray[np.float32]
    anchors_identity: NDArray[np.float32]
    anchors_expression: NDArray[np.float32]

    @staticmethod
    @cache
    def load(path: Path = BASIS_PATH) -> LandmarkBasis:
        """The shipped basis; loaded once, immutable."""
        with np.load(path, allow_pickle=False) as z:
            parts = {k: z[k].astype(np.float32) for k in ("neutral", "identity", "expression")}
            triangles = z["triangles"].astype(np.int64)
        for array in (*parts.values(), triangles):
            array.setflags(write=False)
        return LandmarkBasis(
            triangles=triangles,
            **{k: v[..., :_LANDMARKS, :] for k, v in parts.items()},
            **{f"anchors_{k}": v[..., _LANDMARKS:, :] for k, v in parts.items()},
        )
