"""How near drawn frames come to real ones: one protocol for all figures about faces.

Both videos are aligned frame by frame with a similarity transform of the eyes: 256 x 256 pixels,
eye centres at (92, 100) and (164, 100). PSNR and SSIM (Wang et al., "Image Quality Assessment: From
Error Visibility to Structural Similarity", 2004; 7 x 7 windows) are taken on rows 20 to 250 and
columns 30 to 226, LMD is the mean distance of the 20 outer-lip landmarks in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from export.align import eye_centres
from export.landmarks import OUTER_LIPS, lip_gap
from export.video_tracking import similarity

__all__ = ["FACE", "SCORED", "Scores", "aligned", "psnr", "score", "ssim"]

_SIDE = 256
_EYES = np.array([[92.0, 100.0], [164.0, 100.0]])
SCORED = np.s_[20:250, 30:226]
# Brow to chin without hair, neck and background, which one photo can not know in other poses.
FACE = np.s_[70:232, 68:188]
_OPEN_SHARE = 0.4


@dataclass(frozen=True)
class Scores:
    """Means over frames. psnr, ssim: of the scored area, dB and 0 to 1. face: PSNR from brow to
    chin, dB. lmd: pixels. open_lmd: over the 40 % of frames with the widest real gap.
    gap_r: correlation of the lip gap."""

    psnr: float
    ssim: float
    face: float
    lmd: float
    open_lmd: float
    gap_r: float

    def rounded(self) -> dict[str, float]:
        """For a manifest."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


def aligned(
    image: NDArray[np.uint8], landmarks: NDArray[np.floating]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The eye-aligned crop ``[256, 256, 3]`` and the landmarks ``[478, 2]`` in it."""
    matrix = similarity(eye_centres(landmarks), _EYES)
    crop = cv2.warpAffine(image, matrix, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR)
    return np.asarray(crop, np.uint8), landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal to noise ratio of 8 bit pictures, dB."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-6)))


def ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Structural similarity of two ``[H, W, C]`` pictures, mean over channels and windows."""
    window, pad = 7, 3
    x, y = a.astype(np.float64), b.astype(np.float64)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        averaged = cv2.blur(values, (window, window))
        return np.asarray(averaged[pad:-pad, pad:-pad])

    unbiased = window**2 / (window**2 - 1)
    mx, my = mean(x), mean(y)
    vx, vy = unbiased * (mean(x * x) - mx * mx), unbiased * (mean(y * y) - my * my)
    vxy = unbiased * (mean(x * y) - mx * my)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ratio = ((2 * mx * my + c1) * (2 * vxy + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return float(ratio.mean())


def score(
    real: Sequence[tuple[NDArray[np.uint8], NDArray[np.float64]]],
    drawn: Sequence[tuple[NDArray[np.uint8], NDArray[np.float64]]],
) -> Scores:
    """Compare what :func:`aligned` gave, frame by frame."""
    lips = list(OUTER_LIPS)
    pictures = [(a[0], b[0]) for a, b in zip(real, drawn, strict=True)]
    found = np.stack([points for _, points in real])
    made = np.stack([points for _, points in drawn])
    distance = np.linalg.norm(found[:, lips] - made[:, lips], axis=-1).mean(1)
    gaps, made_gaps = lip_gap(found), lip_gap(made)
    widest = np.argsort(-gaps)[: max(1, round(_OPEN_SHARE * len(gaps)))]
    moving = min(np.std(gaps), np.std(made_gaps)) > 1e-6
    return Scores(
        psnr=float(np.mean([psnr(a[SCORED], b[SCORED]) for a, b in pictures])),
        ssim=float(np.mean([ssim(a[SCORED], b[SCORED]) for a, b in pictures])),
        face=float(np.mean([psnr(a[FACE], b[FACE]) for a, b in pictures])),
        lmd=float(distance.mean()),
        open_lmd=float(distance[widest].mean()),
        gap_r=float(np.corrcoef(gaps, made_gaps)[0, 1]) if moving else 0.0,
    )
