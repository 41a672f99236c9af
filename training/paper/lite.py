"""The seed method in the latent space of the generator that ships.

The shipped lite generator is a pre-trained generator as the paper asks for one, but that it draws
how the identity image is warped and painted over. Its encoder gives the pivot w_I, its displacement
decoder, fed with tracked motion, the codes w_t of real frames. ``python -m training.paper.lite``
writes down the people of the clips; stage 1 is then the same as with a generator of pictures
(``training.paper.stage1 --lite``), stage 2 and the drawing are ``training.paper.lite_stage2``.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn

from engine.output import written_whole
from export.canvas import canvas_picture
from export.generator.prior import LitePrior, relative
from export.losses import composite
from export.perceptual import Features
from export.puppet import Puppet
from training.data import data_folder
from training.paper.clips import grid
from training.paper.crops import CROPS, ClipCrops, read_crops

__all__ = ["PEOPLE", "STAGE1", "LiteFeatures", "LiteSpace", "main", "puppet_of"]

log = logging.getLogger(__name__)

PEOPLE = Path("runs") / "paper" / "lite" / "people.npz"
STAGE1 = Path("runs") / "paper" / "lite" / "stage1"


class LiteSpace:
    """The frozen prior and the people that it draws, one for each clip.

    photos: ``[P, 3, N, N]`` RGB 0 to 1, canvases of the identity frames. landmarks: ``[P, 468, 2]``
    at rest, canvas units. rest: ``[P, 8, N, N]``, fields at zero motion. keys: of the clips.
    pivots: ``[P, num_ws, w_dim]``.
    """

    def __init__(
        self, prior: LitePrior, keys: list[str], photos: Tensor, landmarks: Tensor, rest: Tensor
    ) -> None:
        self.prior = prior.eval().requires_grad_(False)
        self.keys, self.photos, self.rest = keys, photos, rest
        with torch.no_grad():
            self.pivots = prior.encoder(photos, landmarks)
            self.still = prior.synthesis(self.pivots)

    @staticmethod
    def load(path: Path = PEOPLE) -> LiteSpace:
        """What ``prepare`` wrote, with the shipped prior."""
        with np.load(path, allow_pickle=False) as z:
            photos = torch.from_numpy(z["photos"]).permute(0, 3, 1, 2).float() / 255
            return LiteSpace(
                LitePrior.load(), [str(k) for k in z["keys"]], photos,
                torch.from_numpy(z["landmarks"].astype(np.float32)),
                torch.from_numpy(z["rest"].astype(np.float32)),
            )  # fmt: skip

    @torch.no_grad()
    def codes_of(self, clip: ClipCrops, motion: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """w_t of motion ``[T, 52]`` and w_I: ``[T, num_ws, w_dim]``, ``[num_ws, w_dim]``."""
        pivot = self.pivots[self.keys.index(clip.key)][None]
        face = torch.from_numpy(motion)
        moved = self.prior.displacement(face, pivot.expand(len(face), -1, -1))
        return pivot + moved, pivot[0]

    def fields(self, ws: Tensor, who: Tensor) -> Tensor:
        """``[B, 8, N, N]`` of codes ``[B, num_ws, w_dim]`` of the people ``who [B]``."""
        return relative(self.prior.synthesis(ws), self.still[who], self.rest[who])

    def draw(self, ws: Tensor, who: Tensor) -> Tensor:
        """``[B, 3, N, N]``, black -1 and white 1: the canvas, without teeth."""
        return composite(self.photos[who], self.fields(ws, who)) * 2 - 1


class LiteFeatures(Features):
    """Maps of the lite prior's encoder."""

    name = "this project's image encoder (of the lite prior)"

    def __init__(self, prior: LitePrior) -> None:
        super().__init__()
        self.layers = prior.encoder.features

    def maps(self, picture: Tensor) -> list[Tensor]:
        x, found = picture, []
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, nn.LeakyReLU):
                found.append(x)
        return found


def puppet_of(video: Path, rest: int) -> Puppet:
    """The puppet of a clip's identity frame."""
    from export.landmarks import FaceMesh
    from export.rest import at_rest
    from export.video_reading import read_video

    image = next(f.image for f in read_video([video], wanted=[rest]) if f.index == rest)
    assert image is not None
    with FaceMesh() as mesh:
        landmarks = mesh.detect(image)
    assert landmarks is not None, f"{video.name} has no face at rest"
    return at_rest(image, landmarks)


def main(
    data: Path = typer.Option(data_folder()),  # noqa: B008
    crops: Path = typer.Option(CROPS),  # noqa: B008
    out: Path = typer.Option(PEOPLE),  # noqa: B008
) -> None:
    """Write photo and rest of every clip's person."""
    size = LitePrior.load().config.size
    photos, landmarks, rest, keys = [], [], [], []
    videos = {c.key: c.video for c in grid(data / "grid" / "clips")}
    for clip in track(read_crops(crops).clips, description="people"):
        puppet = puppet_of(videos[clip.key], clip.rest)
        photos.append(canvas_picture(puppet.image, puppet.matrix, size))
        rest.append(puppet.fields(np.zeros(52, np.float32), size).stack().astype(np.float16))
        landmarks.append(puppet.rest)
        keys.append(clip.key)
    with written_whole(out) as partial, partial.open("wb") as file:
        np.savez(
            file, photos=np.stack(photos), landmarks=np.stack(landmarks), rest=np.stack(rest),
            keys=np.array(keys),
        )  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
