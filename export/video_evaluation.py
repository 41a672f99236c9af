"""An avatar against frames of its person's video that it never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.avatar import Avatar
from engine.motion import Motion
from export.landmarks import FaceMesh, lip_gap
from export.video_score import Scores, aligned, score

__all__ = ["Evaluation", "evaluate"]

Aligned = tuple[NDArray[np.uint8], NDArray[np.float64]]


@dataclass(frozen=True)
class Evaluation:
    """avatar: driven by the tracked motion. still: its photo instead, the floor.
    gaps: ``[T]`` lip gaps of the real frames. real, drawn: their aligned pictures and the avatar's,
    ``[256, 256, 3]`` uint8 RGB each."""

    frames: int
    avatar: Scores
    still: Scores
    gaps: NDArray[np.float64]
    real: list[NDArray[np.uint8]]
    drawn: list[NDArray[np.uint8]]

    def __str__(self) -> str:
        rows = (("avatar", self.avatar), ("still photo", self.still))
        return f"measured on {self.frames} frames that it never saw: " + "; ".join(
            f"{name} {s.psnr:.1f} dB, SSIM {s.ssim:.2f}, face {s.face:.1f} dB, LMD {s.lmd:.2f} px"
            for name, s in rows
        )

    def for_manifest(self) -> dict[str, object]:
        """What the bundle says about itself."""
        return {
            "held_out_frames": self.frames,
            "avatar": self.avatar.rounded(),
            "still": self.still.rounded(),
        }


def evaluate(
    avatar: Avatar,
    motions: Sequence[Motion],
    real: Sequence[Aligned],
    progress: Callable[[float], None] = lambda share: None,
) -> Evaluation:
    """Draw every motion and compare it with the real frame (:func:`export.video_score.aligned`).

    Landmarks are measured on the drawn frames with the detector that was used on the real ones.
    """
    drawn: list[Aligned] = []
    with FaceMesh(video=True) as mesh:
        found = mesh.detect(avatar.photo)
        assert found is not None, "the photo's face was found when it was chosen"
        still = aligned(avatar.photo, found)
        for k, motion in enumerate(motions):
            frame = avatar.compositor.draw(avatar.face.canvas(motion.face), motion.head)
            seen = mesh.detect(frame)
            found = seen if seen is not None else found
            drawn.append(aligned(frame, found))
            progress((k + 1) / len(motions))
    return Evaluation(
        len(drawn),
        score(real, drawn),
        score(real, [still] * len(real)),
        np.array([lip_gap(points) for _, points in real]),
        [picture for picture, _ in real],
        [picture for picture, _ in drawn],
    )
