"""Stage 2 and the drawing: tune the generator to a person, draw the clips that are held out.

    python -m training.paper.stage2 tune --who s1 --frames 75    # a short video of the person
    python -m training.paper.stage2 tune --who s1 --frames 1     # one image
    python -m training.paper.stage2 draw                         # every row of the table

Tuning takes frames of clips that are trained on; of people without such clips, whose clips are all
held out, one image can be taken, the clip's own identity frame. What is drawn goes to
``runs/paper/drawn.npz``, to be measured by ``training.paper.evaluate``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
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
from training.paper.networks import Basis, SplitForm
from training.paper.pretrained import Pretrained, as_input, as_pictures
from training.paper.stage1 import RUN as STAGE1

__all__ = ["DRAWN", "ROWS", "RUN", "Row", "Trajectories", "app", "draw", "read_drawn", "tune"]

log = logging.getLogger(__name__)
app = typer.Typer(add_completion=False)

RUN = Path("runs") / "paper" / "stage2"
DRAWN = Path("runs") / "paper" / "drawn.npz"
_QUALITY = 90


@dataclass(frozen=True)
class Row:
    """One row of the table. run: the stage 1 run that the trajectory is of, "codes" for those of
    the real frames, "pivot" for a face that stands still. motion: for a split run, where motion
    comes from. tuned: none, image or video."""

    name: str
    run: str
    motion: str
    tuned: str


ROWS = (
    Row("still, drawn", "pivot", "", "none"),
    Row("inversion", "codes", "", "none"),
    Row("inversion, tuned", "codes", "", "video"),
    Row("paper, stage 1 only", "paper", "", "none"),
    Row("paper, tuned on an image", "paper", "", "image"),
    Row("paper", "paper", "", "video"),
    Row("paper without L_latent", "paper-without-latent", "", "video"),
    Row("paper without L_lpips", "paper-without-lpips", "", "video"),
    Row("split, tracked motion", "split", "tracked", "video"),
    Row("split, stage 1 only", "split", "said", "none"),
    Row("split", "split", "said", "video"),
    Row("split, shipped speech model", "split", "shipped", "video"),
)


class Trajectories:
    """What stage 1 learned, as its file holds it."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as z:
            arrays = {name: torch.from_numpy(z[name]) for name in z.files}
        self.said = {k.split("/", 1)[1]: v for k, v in arrays.items() if k.startswith("said/")}
        basis = {k.split("/", 1)[1]: v for k, v in arrays.items() if k.startswith("basis/")}
        split = {k.split("/", 1)[1]: v for k, v in arrays.items() if k.startswith("network/")}
        self.split: SplitForm | None = None
        if split:
            basis = {k.split(".")[1]: v for k, v in split.items() if k.startswith("basis.")}
            self.split = SplitForm(Basis(**basis))
            self.split.load_state_dict(split)
        self.basis = Basis(**basis) if basis else None


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
    frames: int = typer.Option(75, help="1 for an image, more for a short video."),
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
    pictures = frames_of(read_crops(crops).clips, who, frames)
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


def write_drawn(
    drawn: dict[str, NDArray[np.uint8]], every: int, path: Path, whole: bool = False
) -> None:
    """Frames as JPEG, one file. whole: they are video frames and not crops."""
    coded, ends, keys, counts = [], [], [], []
    for key, frames in drawn.items():
        keys.append(key)
        counts.append(len(frames))
        for frame in frames:
            bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
            coded.append(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1])
            ends.append(len(coded[-1]))
    with written_whole(path) as partial, partial.open("wb") as out:
        np.savez(
            out, jpeg=np.concatenate([c.reshape(-1) for c in coded]), ends=np.cumsum(ends),
            keys=np.array(keys), counts=np.array(counts), every=every, whole=whole,
        )  # fmt: skip


def read_drawn(path: Path = DRAWN) -> tuple[dict[str, NDArray[np.uint8]], int, bool]:
    """``ROW/CLIP`` -> frames ``[n, H, W, 3]``; of how many frames one was drawn; whether they are
    whole video frames."""
    with np.load(path, allow_pickle=False) as z:
        jpeg, ends = z["jpeg"], z["ends"]
        starts = np.concatenate([[0], ends[:-1]])
        frames = [
            cv2.cvtColor(cv2.imdecode(jpeg[a:b], cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            for a, b in zip(starts, ends, strict=True)
        ]
        bounds = np.concatenate([[0], np.cumsum(z["counts"])])
        drawn = {
            str(k): np.stack(frames[a:b])
            for k, a, b in zip(z["keys"], bounds, bounds[1:], strict=False)
        }
        return drawn, int(z["every"]), bool(z["whole"]) if "whole" in z.files else False


if __name__ == "__main__":
    app()
