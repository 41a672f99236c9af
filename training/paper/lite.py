"""The seed method in the latent space of the generator that ships.

The shipped lite generator is a pre-trained generator as the paper asks for one, but that it draws
how the identity image is warped and painted over. Its encoder gives the pivot w_I, its displacement
decoder, fed with tracked motion, the codes w_t of real frames. Stage 1 is the same as with an RGB
generator; frames are whole video frames, drawn by the engine's compositor.

    python -m training.paper.lite prepare          # the people: pivots and rest
    python -m training.paper.stage1 --lite         # and its other options
    python -m training.paper.lite draw             # every row of the table
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn

from engine.compositor import Compositor
from engine.face import Canvas
from engine.motion import Motion
from engine.output import written_whole
from export.canvas import canvas_picture
from export.generator.prior import LitePrior, relative
from export.losses import composite
from export.perceptual import Features
from export.puppet import Puppet
from training.data import data_folder
from training.paper.crops import CROPS, ClipCrops, read_crops

__all__ = ["LITE_ROWS", "PEOPLE", "LiteFeatures", "LiteRow", "LiteSpace", "app"]

log = logging.getLogger(__name__)
app = typer.Typer(add_completion=False)

PEOPLE = Path("runs") / "paper" / "lite" / "people.npz"
DRAWN = Path("runs") / "paper" / "lite" / "drawn.npz"
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


@dataclass(frozen=True)
class LiteRow:
    """One row of the table. run: of stage 1, or "" where codes come from motion: tracked, said (by
    stage 1's speech run) or shipped (by the model that ships)."""

    name: str
    run: str
    motion: str = ""


LITE_ROWS = (
    LiteRow("inversion (tracked motion)", "", "tracked"),
    LiteRow("paper", "paper"),
    LiteRow("paper without L_latent", "paper-without-latent"),
    LiteRow("paper without L_lpips", "paper-without-lpips"),
    LiteRow("split", "", "said"),
    LiteRow("split, shipped speech model", "", "shipped"),
)


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


@app.command()
def prepare(
    data: Path = typer.Option(data_folder()),  # noqa: B008
    crops: Path = typer.Option(CROPS),  # noqa: B008
    out: Path = typer.Option(PEOPLE),  # noqa: B008
) -> None:
    """Write photo and rest of every clip's person."""
    size = LitePrior.load().config.size
    photos, landmarks, rest, keys = [], [], [], []
    for clip in track(read_crops(crops).clips, description="people"):
        puppet = puppet_of(data / "grid" / "clips" / f"{clip.key}.mpg", clip.rest)
        photos.append(canvas_picture(puppet.image, puppet.matrix, size))
        rest.append(puppet.fields(np.zeros(52, np.float32), size).stack().astype(np.float16))
        landmarks.append(puppet.rest)
        keys.append(clip.key)
    with written_whole(out) as partial, partial.open("wb") as file:
        np.savez(
            file, photos=np.stack(photos), landmarks=np.stack(landmarks), rest=np.stack(rest),
            keys=np.array(keys),
        )  # fmt: skip


@app.command("draw")
def draw_command(
    data: Path = typer.Option(data_folder()),  # noqa: B008
    crops: Path = typer.Option(CROPS),  # noqa: B008
    people: Path = typer.Option(PEOPLE),  # noqa: B008
    stage1: Path = typer.Option(STAGE1),  # noqa: B008
    out: Path = typer.Option(DRAWN),  # noqa: B008
    every: int = typer.Option(3, help="Draw one frame of so many."),
) -> None:
    """Draw the held-out clips as whole frames."""
    from training.paper.stage2 import Trajectories, write_drawn

    torch.set_num_threads(1)
    space = LiteSpace.load(people)
    clips = read_crops(crops).clips
    runs = {p.parent.name: Trajectories(p) for p in sorted(stage1.glob("*/trajectories.npz"))}
    drawn = {}
    for clip in track([c for c in clips if c.held_out], description="clips"):
        puppet = puppet_of(data / "grid" / "clips" / f"{clip.key}.mpg", clip.rest)
        size = space.prior.config.size
        compositor = Compositor(puppet.image, puppet.matrix, size, puppet.teeth())
        for row in LITE_ROWS:
            ws = _codes(row, clip, space, runs)
            if ws is None:
                continue
            who = torch.full((1,), space.keys.index(clip.key))
            frames = []
            for w in ws[::every]:
                with torch.no_grad():
                    fields = space.fields(w[None], who)[0].numpy()
                frames.append(compositor.draw(_canvas(fields), Motion().head))
            drawn[f"{row.name}/{clip.key}"] = np.stack(frames)
    write_drawn(drawn, every, out, whole=True)


def _codes(row: LiteRow, clip: ClipCrops, space: LiteSpace, runs: dict) -> Tensor | None:  # type: ignore[type-arg]
    if row.run:
        if row.run not in runs:
            return None
        run = runs[row.run]
        pivot = space.pivots[space.keys.index(clip.key)]
        return pivot + run.basis.expand(run.said[clip.key])
    if row.motion == "said":
        if "speech" not in runs:
            return None
        motion = runs["speech"].said[clip.key].numpy()
    else:
        motion = clip.motion if row.motion == "tracked" else clip.spoken
    return space.codes_of(clip, motion)[0]


def _canvas(fields: NDArray[np.float32]) -> Canvas:
    """Fields ``[8, N, N]`` as the engine has them. No jaw is known: teeth stay dark."""
    flow, alpha, colour = fields[:2], fields[2:3].clip(0, 1), fields[3:6].clip(0, 1)
    mouth = np.zeros((*fields.shape[1:], 2), np.float32)
    cover = np.concatenate([colour * alpha, alpha])
    return Canvas(
        np.ascontiguousarray(flow.transpose(1, 2, 0)),
        np.ascontiguousarray(cover.transpose(1, 2, 0)),
        mouth,
        np.zeros(2, np.float32),
    )


if __name__ == "__main__":
    app()
