"""Stage 2 and the drawing: tune the generator to a person, draw the clips that are held out.

    python -m training.paper.stage2 tune --who s1 --video    # a clip of the person
    python -m training.paper.stage2 tune --who s1 --image    # one image
    python -m training.paper.stage2 draw                     # every row of the table

Tuning takes frames of clips that are trained on; of people without such clips, whose clips are all
held out, one image can be taken, the clip's own identity frame. What is drawn goes to
``runs/paper/drawn.npz``, to be measured by ``training.paper.evaluate``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor

from engine.output import written_whole
from export.generator.stylegan2 import Synthesis
from export.perceptual import EncoderFeatures, Features, VGG16Features
from export.pivotal import PivotalPlan, pivotal_tuning
from training.paper.crops import CROPS, ClipCrops, read_crops
from training.paper.generator import RUN as GENERATOR
from training.paper.pretrained import Pretrained, as_input, as_pictures
from training.paper.rows import ROWS, Row, Trajectories, write_drawn
from training.paper.stage1 import RUN as STAGE1

__all__ = ["DRAWN", "RUN", "app", "draw", "frames_of", "tune"]

log = logging.getLogger(__name__)
app = typer.Typer(add_completion=False)

RUN = Path("runs") / "paper" / "stage2"
_VIDEO = 75  # frames of a clip
DRAWN = Path("runs") / "paper" / "drawn.npz"


def tune(
    nets: Pretrained,
    pictures: NDArray[np.uint8],
    phi: Features,
    plan: PivotalPlan,
    progress: Callable[[float], None] = lambda share: None,
) -> Synthesis:
    """The generator tuned to ``pictures [K, N, N, 3]`` at the codes that E_I gives them."""
    device = nets.encoder.w_avg.device
    frames = torch.from_numpy(pictures)
    mapping = nets.generator.mapping

    def random_w(count: int) -> Tensor:
        return mapping(torch.randn(count, nets.generator.config.z_dim, device=device))

    return pivotal_tuning(
        nets.generator.synthesis, nets.codes(frames), as_input(frames).to(device), phi, random_w,
        plan, progress,
    )  # fmt: skip


def frames_of(clips: list[ClipCrops], who: str, count: int) -> NDArray[np.uint8]:
    """``count`` frames of a person's clip that is trained on, or the identity frame of a clip.

    who: a speaker, or the key of one clip.
    """
    known = [c for c in clips if not c.held_out and c.key.rpartition("_")[0] == who]
    if not known:
        known = [c for c in clips if c.key == who]
        if not known:
            raise typer.BadParameter(
                f"{who} is neither a speaker with clips to train on nor a clip"
            )
        count = 1
    clip = known[0]
    if count == 1:
        return clip.pictures[clip.rest : clip.rest + 1]
    return clip.pictures[np.linspace(0, len(clip.pictures) - 1, count).round().astype(int)]


def _device() -> torch.device:
    torch.set_float32_matmul_precision("high")
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@app.command("tune")
def tune_command(
    who: str = typer.Option("s1", help="A speaker, or a clip of a stranger."),
    image: bool = typer.Option(False, "--image/--video", help="The identity frame, or a clip."),
    steps: int = typer.Option(350, help="Of pivotal tuning."),
    crops: Path = typer.Option(CROPS),  # noqa: B008
    generator: Path = typer.Option(GENERATOR),  # noqa: B008
    out: Path = typer.Option(RUN),  # noqa: B008
    vgg: Path | None = typer.Option(None, help="VGG16 for phi, in torchvision's layout."),  # noqa: B008
    threads: int = typer.Option(1),
) -> None:
    """Write ``WHO-image.pt`` or ``WHO-video.pt``, a tuned synthesis network."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    nets = Pretrained.load(generator).to(_device())
    pictures = frames_of(read_crops(crops).clips, who, 1 if image else _VIDEO)
    phi = VGG16Features(vgg) if vgg else EncoderFeatures(nets.encoder)
    began = time.monotonic()
    tuned = tune(nets, pictures, phi.to(nets.encoder.w_avg.device), PivotalPlan(steps=steps))
    kind = "image" if len(pictures) == 1 else "video"
    with written_whole(out / f"{who}-{kind}.pt") as partial:
        torch.save({k: v.half() for k, v in tuned.state_dict().items()}, partial)
    log.info("%s tuned on %d frames in %.0f s", who, len(pictures), time.monotonic() - began)


@app.command("draw")
def draw_command(
    crops: Path = typer.Option(CROPS),  # noqa: B008
    generator: Path = typer.Option(GENERATOR),  # noqa: B008
    stage1: Path = typer.Option(STAGE1),  # noqa: B008
    stage2: Path = typer.Option(RUN),  # noqa: B008
    out: Path = typer.Option(DRAWN),  # noqa: B008
    every: int = typer.Option(3, help="Draw one frame of so many."),
    threads: int = typer.Option(1),
) -> None:
    """Draw the held-out clips by every row whose networks are there."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(threads)
    nets = Pretrained.load(generator).to(_device())
    runs = {p.parent.name: Trajectories(p) for p in sorted(stage1.glob("*/trajectories.npz"))}
    drawn = {}
    for row in ROWS:
        for clip in (c for c in read_crops(crops).clips if c.held_out):
            frames = draw(row, clip, nets, runs, stage2, every)
            if frames is not None:
                drawn[f"{row.name}/{clip.key}"] = frames
        log.info("%s: %d clips", row.name, sum(k.startswith(f"{row.name}/") for k in drawn))
    write_drawn(drawn, every, out)


def draw(
    row: Row,
    clip: ClipCrops,
    nets: Pretrained,
    runs: dict[str, Trajectories],
    tuned: Path,
    every: int,
) -> NDArray[np.uint8] | None:
    """``[ceil(T / every), N, N, 3]`` uint8 RGB; None where a network that it takes is not there."""
    synthesis = _tuned(row, clip, nets, tuned)
    ws = _codes(row, clip, nets, runs)
    if synthesis is None or ws is None:
        return None
    with torch.no_grad():
        parts = [as_pictures(synthesis(w, "none")) for w in ws[::every].split(32)]
    return torch.cat(parts).cpu().numpy()


def _codes(
    row: Row, clip: ClipCrops, nets: Pretrained, runs: dict[str, Trajectories]
) -> Tensor | None:
    """W+ of all frames, ``[T, num_ws, w_dim]``."""
    device = nets.encoder.w_avg.device
    if row.run == "codes":
        return nets.codes(torch.from_numpy(clip.pictures))
    pivot = nets.codes(torch.from_numpy(clip.pictures[clip.rest : clip.rest + 1]))
    if row.run == "pivot":
        return pivot.expand(len(clip.pictures), -1, -1)
    if row.run not in runs:
        return None
    run = runs[row.run]
    assert run.basis is not None
    if run.split is None:
        return pivot + run.basis.expand(run.said[clip.key]).to(device)
    if row.motion == "said":
        if "speech" not in runs:
            return None
        motion = runs["speech"].said[clip.key]
    else:
        motion = torch.from_numpy(clip.motion if row.motion == "tracked" else clip.spoken)
    with torch.no_grad():
        reduced = run.split(motion[None], pivot.cpu())[0]
    return pivot + run.basis.expand(reduced).to(device)


def _tuned(row: Row, clip: ClipCrops, nets: Pretrained, folder: Path) -> Synthesis | None:
    """The network that draws a clip; strangers, who have but one image, are tuned on that."""
    if row.tuned == "none":
        return nets.generator.synthesis
    speaker = clip.key.rpartition("_")[0]
    own = folder / f"{clip.key}-image.pt"
    path = own if own.exists() else folder / f"{speaker}-{row.tuned}.pt"
    if not path.exists():
        return None
    synthesis = Synthesis(nets.generator.config)
    state = torch.load(path, map_location="cpu", weights_only=True)
    synthesis.load_state_dict({k: v.float() for k, v in state.items()})
    return synthesis.to(nets.encoder.w_avg.device).eval()


if __name__ == "__main__":
    app()
