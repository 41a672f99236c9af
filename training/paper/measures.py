"""PSNR, SSIM, FID and LMD of talking faces under one protocol, written out in docs/evaluation.md.

Alignment, scored area and the measures of single frames are those of ``export.video_score``. The
Frechet distance (Heusel et al., NeurIPS 2017) is between features of all scored frames of a group;
it says which features, and does not let itself be compared with one of other features.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import BadInput, MissingExtra
from export.generator.prior import PRIOR_PATH, LitePrior
from export.landmarks import FaceMesh, lip_gap
from export.puppet import CLOSED_GAP
from export.video_score import Scores, aligned, score
from training.paper.discriminator import Discriminator

if TYPE_CHECKING:
    from torchmetrics import Metric

__all__ = [
    "Aligned",
    "DiscriminatorFeatures",
    "FrechetDistance",
    "NetworkFeatures",
    "RealClip",
    "ShippedFeatures",
    "as_crops",
    "frechet_distances",
    "measured",
    "real_clip",
    "still",
    "whole",
]

_SIDE = 256
_MARGIN = 96  # pixels around a crop: the mesh looks at half as much again as the face
Frames = Sequence[NDArray[np.uint8]]
Aligned = list[tuple[NDArray[np.uint8], NDArray[np.float64]]]


@dataclass(frozen=True)
class RealClip:
    """faces: crops ``[256, 256, 3]`` and landmarks ``[478, 2]`` in them, of the scored frames.
    rest: those of the identity frame."""

    faces: Aligned
    rest: tuple[NDArray[np.uint8], NDArray[np.float64]]


def real_clip(path: Path, every: int = 1) -> RealClip:
    """Track a video; one frame of ``every`` is scored."""
    from training.paper.crops import tracked_frames

    frames, landmarks = zip(*tracked_frames(path), strict=True)
    gaps = lip_gap(np.stack(landmarks))
    closed = np.flatnonzero(gaps < CLOSED_GAP)
    rest = int(closed[0]) if len(closed) else int(np.argmin(gaps))
    chosen = range(0, len(frames), every)
    faces = [aligned(frames[k], landmarks[k]) for k in chosen]
    return RealClip(faces, aligned(frames[rest], landmarks[rest]))


def as_crops(clip: RealClip) -> RealClip:
    """The clip found and aligned once more in its own crops, as what is drawn as crops will be.

    The face mesh puts lips a pixel or two elsewhere in a tight crop than in the whole frame; found
    in the same way on both sides, that is no difference between them.
    """
    return RealClip(
        measured([picture for picture, _ in clip.faces], clip), measured([clip.rest[0]], clip)[0]
    )


def measured(frames: Frames, like: RealClip) -> Aligned:
    """Drawn crops, found and aligned anew as the real ones were.

    A frame without a face takes the landmarks of the frame before, at first those of ``like``.
    """
    out: Aligned = []
    last = like.rest[1]
    with FaceMesh(video=True) as mesh:
        for frame in frames:
            large = np.asarray(
                cv2.resize(frame, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC), np.uint8
            )
            wide = cv2.copyMakeBorder(large, *[_MARGIN] * 4, cv2.BORDER_REPLICATE)
            found = mesh.detect(np.asarray(wide, np.uint8))
            last = last if found is None else found[:, :2].astype(np.float64) - _MARGIN
            out.append(aligned(large, last))
    return out


def whole(frames: Frames, like: RealClip) -> Aligned:
    """Drawn video frames, found and aligned as the real ones were.

    A frame without a face takes the landmarks of the frame before, at first those of ``like``.
    """
    out: Aligned = []
    last: NDArray[np.float32] | None = None
    with FaceMesh(video=True) as mesh:
        for frame in frames:
            found = mesh.detect(frame)
            last = last if found is None else found
            out.append(like.rest if last is None else aligned(frame, last))
    return out


def still(like: RealClip) -> Aligned:
    """The identity frame itself, again and again: the floor."""
    return [like.rest] * len(like.faces)


def scores(real: RealClip, drawn: Aligned) -> Scores:
    """``export.video_score.score`` of one clip."""
    return score(real.faces, drawn)


@dataclass(frozen=True)
class FrechetDistance:
    """value: lower is nearer. features: which network's. frames: how many on either side."""

    value: float
    features: str
    frames: int

    def __sub__(self, other: FrechetDistance) -> float:
        """How much farther; raises BadInput where the features are not the same."""
        if self.features != other.features:
            raise BadInput(
                f"a Frechet distance of {self.features} and one of {other.features} were compared, "
                "expected the same features: evaluate both with the same"
            )
        return self.value - other.value


class DiscriminatorFeatures(nn.Module):
    """Features of the discriminator that this project trained, in place of Inception's."""

    def __init__(self, discriminator: Discriminator, size: int) -> None:
        super().__init__()
        self.discriminator, self.size = discriminator, size
        self.num_features = discriminator.logit.in_features
        digest = hashlib.sha256(
            b"".join(p.detach().half().numpy().tobytes() for p in discriminator.parameters())
        ).hexdigest()
        self.name = f"{self.num_features} features of this project's discriminator {digest[:8]}"

    def forward(self, pictures: Tensor) -> Tensor:
        """uint8 ``[B, 3, H, W]`` -> ``[B, num_features]``."""
        small = functional.interpolate(
            pictures.float() / 127.5 - 1, (self.size, self.size), mode="area"
        )
        return self.discriminator.features(small)


class ShippedFeatures(nn.Module):
    """What the shipped lite prior's encoder makes of a crop, before it becomes a pivot."""

    def __init__(self) -> None:
        super().__init__()
        prior = LitePrior.load()
        self.encoder, self.size = prior.encoder, prior.config.size
        self.num_features = self.encoder.rows.in_features
        digest = hashlib.sha256(PRIOR_PATH.read_bytes()).hexdigest()[:8]
        self.name = f"{self.num_features} features of the shipped prior's encoder {digest}"

    def forward(self, pictures: Tensor) -> Tensor:
        """uint8 ``[B, 3, H, W]`` -> ``[B, num_features]``."""
        small = functional.interpolate(pictures.float() / 255, (self.size, self.size), mode="area")
        return self.encoder.code(self.encoder.features(small * 2 - 1).flatten(1))


NetworkFeatures = DiscriminatorFeatures | ShippedFeatures


def frechet_distances(
    real: Frames, drawn: Mapping[str, Frames], features: NetworkFeatures | Path
) -> dict[str, FrechetDistance]:
    """Of each set of crops ``[256, 256, 3]`` uint8 from the real ones.

    features: a network, or the file of Inception-v3 weights that torch-fidelity reads, for figures
    that are comparable with published ones. Raises MissingExtra where that is not installed.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    keep = {"reset_real_features": False}
    if isinstance(features, Path):
        name = f"Inception-v3 ({features.name}), 2048 features"
        try:
            distance = FrechetInceptionDistance(
                2048, feature_extractor_weights_path=str(features), **keep
            )
        except ModuleNotFoundError as error:
            raise MissingExtra(
                "FID of Inception features (pip install torch-fidelity)", "train"
            ) from error
    else:
        name = features.name
        distance = FrechetInceptionDistance(features, **keep)
    _see(distance, real, True)
    found = {}
    for row, frames in drawn.items():
        _see(distance, frames, False)
        found[row] = FrechetDistance(float(distance.compute()), name, len(frames))
        distance.reset()
    return found


def _see(distance: Metric, frames: Frames, real: bool) -> None:
    for k in range(0, len(frames), 32):
        batch = torch.from_numpy(np.stack(frames[k : k + 32])).permute(0, 3, 1, 2)
        distance.update(batch, real=real)
