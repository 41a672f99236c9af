"""Stage 2 and the drawing in the latent space of the generator that ships.

    python -m training.paper.lite_stage2 tune --who s1 --video     # a clip of the person
    python -m training.paper.lite_stage2 tune --who s1 --image     # its identity frame alone
    python -m training.paper.lite_stage2 draw                      # every row of the table

Pivotal tuning is the published one (``export.pivotal``): the codes w_t of the frames stay, G moves
until the photo that it warps and paints over is those frames. At rest it is the photo already, so
that one image says nothing; the puppet, moving that image, plays the video. Frames are whole video
frames, drawn by the engine's compositor.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional

from engine.compositor import Compositor
from engine.face import Canvas
from engine.motion import Motion
from engine.output import written_whole
from export.align import canvas_matrix
from export.canvas import canvas_picture
from export.generator.prior import relative
from export.motions import sample_motions
from export.pivotal import PivotalPlan, pivotal_tuning
from export.puppet import Puppet
from export.video_layers import CanvasCompositor, TeethLayers
from training.data import data_folder
from training.paper.clips import grid
from training.paper.crops import CROPS, ClipCrops, read_crops, tracked_frames
from training.paper.lite import PEOPLE, STAGE1, LiteFeatures, LiteSpace, puppet_of
from training.paper.rows import ROWS, Row, Trajectories, write_drawn

__all__ = [
    "DRAWN",
    "RUN",
    "Drawing",
    "Jaw",
    "app",
    "codes",
    "frame",
    "lessons",
    "synthesis_of",
    "tune",
]

log = logging.getLogger(__name__)
app = typer.Typer(add_completion=False)

RUN = Path("runs") / "paper" / "lite" / "stage2"
DRAWN = Path("runs") / "paper" / "lite" / "drawn.npz"
# With the decoder that ships, tracked motion gives the codes of real frames: the inversion's row.
_ROWS = tuple(row for row in ROWS if row.motion != "tracked")
_LESSONS = 75  # frames that are tuned on: a clip's, or the puppet's
# Most of the square is the photo's in any case: squared differences are small beside those of a
# generator that paints all of it.
PLAN = PivotalPlan(steps=150, squared=20.0, locality=1.0)


class Jaw:
    """Where lower teeth are, of codes: the linear map that the puppet's own motions show.

    A trajectory in W+ has no motion to ask. slope: ``[num_ws w_dim, 2]``, canvas widths.
    """

    def __init__(self, space: LiteSpace, puppet: Puppet, who: int, count: int = 400) -> None:
        faces = sample_motions(count, np.random.default_rng(0))
        pivot = space.pivots[who][None]
        with torch.no_grad():
            moved = space.prior.displacement(
                torch.from_numpy(faces), pivot.expand(count, -1, -1)
            ).flatten(1)
        drops = torch.from_numpy(faces @ puppet.jaw).float()
        self.pivot = pivot.flatten()
        # Few motions span the codes that motions make: least squares of least norm.
        self.slope = torch.linalg.lstsq(moved, drops, rcond=1e-3, driver="gelsd").solution

    def __call__(self, ws: Tensor) -> Tensor:
        """``[B, 2]`` of codes ``[B, num_ws, w_dim]``."""
        return (ws.flatten(1) - self.pivot) @ self.slope


class Drawing(nn.Module):
    """G of one person as a generator of pictures, ``[B, num_ws, w_dim] -> [B, 3, N, N]``.

    Its parameters are G's; teeth are the puppet's and stay.
    """

    def __init__(
        self, space: LiteSpace, who: int, puppet: Puppet, synthesis: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.synthesis = synthesis or space.prior.synthesis
        self.rest: Tensor
        self.pivot: Tensor
        self.register_buffer("rest", space.rest[who][None].float())
        self.register_buffer("pivot", space.pivots[who][None])
        self.compositor = CanvasCompositor(space.photos[who][None])
        self.jaw = Jaw(space, puppet, who)
        layers = TeethLayers(puppet.teeth(), puppet.matrix, space.prior.config.size)
        self.placed = layers.requires_grad_(False).placed

    def fields(self, ws: Tensor) -> Tensor:
        """``[B, 8, N, N]``."""
        raw = self.synthesis(torch.cat([ws, self.pivot]))
        return relative(raw[:-1], raw[-1:], self.rest)

    def forward(self, ws: Tensor) -> Tensor:
        """Black -1 and white 1."""
        return self.picture(self.fields(ws), self.jaw(ws))

    def picture(self, fields: Tensor, jaw: Tensor) -> Tensor:
        """The same of fields ``[B, 8, N, N]`` and lower teeth's places ``[B, 2]``."""
        drawn: Tensor = self.compositor(fields, *self.placed(jaw)) * 2 - 1
        return drawn


def tune(
    space: LiteSpace, drawing: Drawing, ws: Tensor, pictures: Tensor, plan: PivotalPlan = PLAN
) -> Drawing:
    """Tuned to ``pictures [K, 3, N, N]`` of the person at the codes ``ws [K, num_ws, w_dim]``."""
    population = space.prior.population

    def others(count: int) -> Tensor:
        return population[torch.randint(len(population), (count,))]

    return pivotal_tuning(drawing, ws, pictures, LiteFeatures(space.prior), others, plan)


def lessons(
    space: LiteSpace, drawing: Drawing, puppet: Puppet, clip: ClipCrops, video: Path | None
) -> tuple[Tensor, Tensor]:
    """Codes and pictures ``[K, ...]`` to tune on: a video's frames, or the puppet's of its rest."""
    size = space.prior.config.size
    if video is None:
        faces = sample_motions(_LESSONS, np.random.default_rng(0))
        fields = torch.from_numpy(np.stack([puppet.fields(f, size).stack() for f in faces]))
        jaw = torch.from_numpy(faces @ puppet.jaw).float()
        return space.codes_of(clip, faces)[0], drawing.picture(fields, jaw)
    cut = [
        canvas_picture(frame, canvas_matrix(landmarks), size)
        for frame, landmarks in tracked_frames(video)
    ]
    pictures = torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return space.codes_of(clip, clip.motion)[0], pictures[: len(clip.motion)]


def synthesis_of(row: Row, clip: ClipCrops, space: LiteSpace, folder: Path) -> nn.Module | None:
    """The network that draws a clip; strangers, who have but one image, are tuned on that."""
    if row.tuned == "none":
        return space.prior.synthesis
    own = folder / f"{clip.key}-image.pt"
    path = own if own.exists() else folder / f"{clip.key.rpartition('_')[0]}-{row.tuned}.pt"
    if not path.exists():
        return None
    synthesis = type(space.prior.synthesis)(space.prior.config)
    state = torch.load(path, map_location="cpu", weights_only=True)
    synthesis.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    return synthesis.eval().requires_grad_(False)


def codes(
    row: Row, clip: ClipCrops, space: LiteSpace, runs: Mapping[str, Trajectories]
) -> Tensor | None:
    """W+ of all frames, ``[T, num_ws, w_dim]``; None where a run that it takes is not there.

    The split form's decoder ships: its codes and those of real frames differ by whose motion it is.
    """
    pivot = space.pivots[space.keys.index(clip.key)]
    if row.run == "pivot":
        return pivot.expand(len(clip.motion), -1, -1)
    if row.run not in ("codes", "split"):
        run = runs.get(row.run)
        if run is None:
            return None
        assert run.basis is not None
        return pivot + run.basis.expand(run.said[clip.key])
    motion = {"shipped": clip.spoken}.get(row.motion, clip.motion)
    if row.motion == "said":
        if "speech" not in runs:
            return None
        motion = runs["speech"].said[clip.key].numpy()
    return space.codes_of(clip, motion)[0]


def frame(
    fields: NDArray[np.float32], jaw: NDArray[np.float32], to: Compositor
) -> NDArray[np.uint8]:
    """The video frame of fields ``[8, N, N]``, the head at rest."""
    flow, alpha, colour, mouth = np.split(fields, (2, 3, 6))
    alpha = alpha.clip(0, 1)
    cover = np.concatenate([colour.clip(0, 1) * alpha, alpha])
    flow, cover, mouth = (
        np.ascontiguousarray(x.transpose(1, 2, 0)) for x in (flow, cover, mouth.clip(0, 1))
    )
    return to.draw(Canvas(flow, cover, mouth, jaw), Motion().head)


@app.command("tune")
def tune_command(
    who: str = typer.Option("s1", help="A speaker, or a clip of a stranger."),
    image: bool = typer.Option(False, "--image/--video", help="The identity frame, or a clip."),
    steps: int = typer.Option(PLAN.steps, help="Of pivotal tuning."),
    data: Path = typer.Option(data_folder()),  # noqa: B008
    crops: Path = typer.Option(CROPS),  # noqa: B008
    people: Path = typer.Option(PEOPLE),  # noqa: B008
    out: Path = typer.Option(RUN),  # noqa: B008
) -> None:
    """Write ``WHO-image.pt`` or ``WHO-video.pt``, a tuned synthesis network."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    space = LiteSpace.load(people)
    clips = [
        c for c in read_crops(crops).clips
        if c.key == who or (c.key.rpartition("_")[0] == who and not c.held_out)
    ]  # fmt: skip
    if not clips or (clips[0].held_out and not image):
        raise typer.BadParameter(f"{who} has no clip to tune on that is not held out: say --image")
    clip = clips[0]
    videos = {c.key: c.video for c in grid(data / "grid" / "clips")}
    puppet = puppet_of(videos[clip.key], clip.rest)
    drawing = Drawing(space, space.keys.index(clip.key), puppet)
    ws, pictures = lessons(space, drawing, puppet, clip, None if image else videos[clip.key])
    began = time.monotonic()
    tuned = tune(space, drawing, ws, pictures, replace(PLAN, steps=steps))
    before, after = (_psnr(each, ws, pictures) for each in (drawing, tuned))
    with written_whole(out / f"{who}-{'image' if image else 'video'}.pt") as partial:
        torch.save(
            {name: tensor.half() for name, tensor in tuned.synthesis.state_dict().items()}, partial
        )
    log.info(
        "%s tuned on %d frames in %.0f s: %.2f dB before, %.2f dB after",
        who, len(ws), time.monotonic() - began, before, after,
    )  # fmt: skip


@torch.no_grad()
def _psnr(drawing: Drawing, ws: Tensor, pictures: Tensor) -> float:
    """Of the frames that were tuned on, dB."""
    errors = [
        functional.mse_loss(drawing(w), p)
        for w, p in zip(ws.split(15), pictures.split(15), strict=True)
    ]
    return float(10 * torch.log10(4 / torch.stack(errors).mean()))


@app.command("draw")
def draw_command(
    data: Path = typer.Option(data_folder()),  # noqa: B008
    crops: Path = typer.Option(CROPS),  # noqa: B008
    people: Path = typer.Option(PEOPLE),  # noqa: B008
    stage1: Path = typer.Option(STAGE1),  # noqa: B008
    stage2: Path = typer.Option(RUN),  # noqa: B008
    out: Path = typer.Option(DRAWN),  # noqa: B008
    every: int = typer.Option(3, help="Draw one frame of so many."),
) -> None:
    """Draw the held-out clips by every row whose networks are there."""
    torch.set_num_threads(1)
    space = LiteSpace.load(people)
    runs = {p.parent.name: Trajectories(p) for p in sorted(stage1.glob("*/trajectories.npz"))}
    videos = {c.key: c.video for c in grid(data / "grid" / "clips")}
    drawn = {}
    for clip in track([c for c in read_crops(crops).clips if c.held_out], description="clips"):
        who = space.keys.index(clip.key)
        puppet = puppet_of(videos[clip.key], clip.rest)
        size = space.prior.config.size
        compositor = Compositor(puppet.image, puppet.matrix, size, puppet.teeth())
        for row in _ROWS:
            ws, synthesis = codes(row, clip, space, runs), synthesis_of(row, clip, space, stage2)
            if ws is None or synthesis is None:
                continue
            drawing = Drawing(space, who, puppet, synthesis)
            with torch.no_grad():
                parts = (drawing.fields(ws[::every]), drawing.jaw(ws[::every]))
            frames = [
                frame(fields, jaw, compositor)
                for fields, jaw in zip(*(part.numpy() for part in parts), strict=True)
            ]
            drawn[f"{row.name}/{clip.key}"] = np.stack(frames)
    write_drawn(drawn, every, out, whole=True)


if __name__ == "__main__":
    app()
