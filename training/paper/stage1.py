"""Stage 1: learn the trajectories, generator and image encoder frozen.

    python -m training.paper.stage1 --form paper                   # as published
    python -m training.paper.stage1 --form paper --without latent  # its ablations
    python -m training.paper.stage1 --form split                   # motion -> displacement
    python -m training.paper.stage1 --form speech                  # speech -> motion, for split
    torchrun --nproc-per-node 4 -m training.paper.stage1 ...       # the same on several devices

The losses are in ``training.paper.objective``.
Each run keeps ``runs/paper/stage1/NAME``: its checkpoint, which it resumes from, its curves, and in
the end ``trajectories.npz``, what it says to the clips that are held out.
"""

from __future__ import annotations

import csv
import logging
import math
import os
import time
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch
import typer
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from engine.output import written_whole
from export.perceptual import EncoderFeatures, VGG16Features
from training.paper.crops import CROPS, read_crops
from training.paper.generator import RUN as GENERATOR
from training.paper.lite import LiteFeatures, LiteSpace
from training.paper.material import Material, Space
from training.paper.networks import (
    Basis,
    PaperForm,
    SpeechToMotion,
    SplitForm,
    principal_basis,
)
from training.paper.objective import Objective, Without, motion_loss
from training.paper.pretrained import Pretrained

__all__ = ["RUN", "Form", "main"]

log = logging.getLogger(__name__)

RUN = Path("runs") / "paper" / "stage1"
_MEMORY = 0.995


class Form(StrEnum):
    """What is learned."""

    PAPER = "paper"
    SPLIT = "split"
    SPEECH = "speech"


class Stage1:
    """A network in training, its running average, its optimiser."""

    def __init__(self, network: nn.Module, device: torch.device, rate: float) -> None:
        self.network = network.to(device)
        self.ranks = int(os.environ.get("WORLD_SIZE", "1"))
        self.parallel: nn.Module = (
            DistributedDataParallel(self.network) if self.ranks > 1 else self.network
        )
        self.average = torch.optim.swa_utils.AveragedModel(
            self.network,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(_MEMORY),
            use_buffers=True,
        )
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), rate, betas=(0.5, 0.999), weight_decay=0.01
        )
        self.peak, self.step, self.spent = rate, 0, 0.0

    def apply(self, loss: Tensor, done: float) -> None:
        """One step; the rate warms up, and falls as a cosine in the last 60 % of the work."""
        rate = self.peak * min(1.0, (self.step + 1) / 50)
        if done > 0.4:
            rate *= 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (done - 0.4) / 0.6))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.step += 1

    def save(self, path: Path) -> None:
        """Everything that going on needs."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "spent": self.spent,
        }
        with written_whole(path) as partial:
            torch.save(state, partial)

    def load(self, path: Path, device: torch.device) -> None:
        """Go on where :meth:`save` was."""
        state = torch.load(path, map_location=device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.spent = state["step"], state["spent"]


def said_by(network: nn.Module, sound: Tensor, motion: Tensor, pivot: Tensor) -> Tensor:
    """w^_t of windows: ``[B, T, num_ws, w_dim]``."""
    inner = getattr(network, "module", network)
    heard = motion if isinstance(inner, SplitForm) else sound
    return pivot[:, None] + inner.basis.expand(network(heard, pivot))


def _new_network(
    form: Form, material: Material, components: int, width: float, dropout: float
) -> nn.Module:
    sound = torch.cat([c.sound for c in material.clips])
    if form is Form.SPEECH:
        speech = SpeechToMotion(width, dropout)
        speech.audio.normalise_by(sound)
        return speech
    basis, held = principal_basis(torch.cat([c.codes for c in material.clips]).cpu(), components)
    log.info("%d principal components hold %.2f %% of the codes' variance", basis.size, 100 * held)
    if form is Form.SPLIT:
        return SplitForm(basis)
    paper = PaperForm(basis, width, dropout)
    paper.audio.normalise_by(sound)
    return paper


@torch.no_grad()
def trajectories(network: nn.Module, material: Material) -> dict[str, np.ndarray]:
    """What is said to whole clips: key -> ``[T, K]`` in the basis, or motion ``[T, 52]``."""
    network.eval()
    inner = getattr(network, "module", network)
    found = {}
    for clip in material.clips:
        if isinstance(inner, SpeechToMotion):
            said = network(clip.sound[None])
        else:
            heard = clip.motion if isinstance(inner, SplitForm) else clip.sound
            said = network(heard[None], clip.pivot[None])
        found[clip.key] = said[0].float().cpu().numpy()
    return found


@torch.no_grad()
def _held_out_error(average: nn.Module, held: Material) -> float:
    """Mean error over held-out clips of speakers known from training; used for nothing."""
    average.eval()
    errors = []
    for clip in held.clips:
        if isinstance(getattr(average, "module", average), SpeechToMotion):
            errors.append(motion_loss(average(clip.sound[None]), clip.motion[None])[0])
        else:
            said = said_by(average, clip.sound[None], clip.motion[None], clip.pivot[None])
            errors.append((said[0] - clip.codes).flatten(1).norm(dim=1).mean())
    return float(torch.stack(errors).mean())


def main(
    form: Form = typer.Option(Form.PAPER, help="What is learned."),  # noqa: B008
    lite: bool = typer.Option(False, "--lite", help="In the latent space of what ships."),
    without: Without = typer.Option(Without.NOTHING, help="A loss to leave out."),  # noqa: B008
    minutes: float = typer.Option(30.0, help="Wall time to train for, all runs together."),
    crops: Path = typer.Option(CROPS, help="What training.paper.crops wrote."),  # noqa: B008
    generator: Path = typer.Option(GENERATOR, help="What training.paper.generator wrote."),  # noqa: B008
    out: Path = typer.Option(RUN, help="Runs are kept in folders of it."),  # noqa: B008
    vgg: Path | None = typer.Option(None, help="VGG16 for phi, in torchvision's layout."),  # noqa: B008
    batch: int = typer.Option(8, help="Windows of a second in a step, in all."),
    components: int = typer.Option(64, help="Of V."),
    width: float = typer.Option(1.0, help="Of the audio encoder, 1 as published."),
    drawn: int = typer.Option(0, help="Frames of a step that L_lpips draws; all where 0."),
    dropout: float = typer.Option(0.2, help="In the audio encoder."),
    latent: float = typer.Option(1.0, help="Weight of L_latent."),
    lpips: float = typer.Option(20.0, help="Weight of L_lpips."),
    rate: float = typer.Option(2e-4, help="Peak learning rate."),
    threads: int = typer.Option(1, help="CPU threads."),
    half: bool = typer.Option(True, help="Draw in bfloat16 where there is a GPU."),
) -> None:
    """Train, resume, say what was learned to the clips that are held out."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("high")
    half = half and torch.cuda.is_available()
    ranks, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    cuda = torch.cuda.is_available()
    device = (
        torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        if cuda
        else torch.device("cpu")
    )
    if ranks > 1:
        torch.distributed.init_process_group("nccl" if cuda else "gloo")
    torch.manual_seed(0)  # the same weights on every rank; windows and dropout differ below
    folder = out / (form if without is Without.NOTHING else f"{form}-without-{without}")
    folder.mkdir(parents=True, exist_ok=True)
    everything = read_crops(crops)
    space: Space | None = None
    if form is not Form.SPEECH:
        space = LiteSpace.load() if lite else Pretrained.load(generator).to(device)
    known = Material([c for c in everything.clips if not c.held_out], space, device)
    held = Material([c for c in everything.clips if c.held_out], space, device)
    familiar = held.of({c.speaker for c in known.clips})
    stage = Stage1(_new_network(form, known, components, width, dropout), device, rate)
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        stage.load(checkpoint, device)
        log.info("resuming at step %d, %.1f minutes in", stage.step, stage.spent)
    objective = None
    if space is not None:
        own = (
            LiteFeatures(space.prior)
            if isinstance(space, LiteSpace)
            else EncoderFeatures(space.encoder)
        )
        phi = (VGG16Features(vgg) if vgg else own).to(device)
        objective = Objective(space, phi, without, (latent, lpips), drawn)
        log.info("phi: %s", phi.name)
    rng = np.random.default_rng([rank, stage.step])
    torch.manual_seed(1000 * rank + stage.step)
    began = saved = time.monotonic()
    began -= stage.spent * 60
    sums: dict[str, list[Tensor]] = {}
    while _going_on(stage, began, minutes, device):
        sound, motion, codes, who, pivot = known.windows(max(1, batch // ranks), rng)
        stage.network.train()
        if objective is None:
            loss, parts = motion_loss(stage.parallel(sound), motion)
        else:
            said = said_by(stage.parallel, sound, motion, pivot)
            loss, parts = objective(said.flatten(0, 1), codes.flatten(0, 1), who.flatten(), half)
        stage.apply(loss, stage.spent / minutes)
        for name, part in parts.items():
            sums.setdefault(name, []).append(part.detach())
        if stage.step % 50 == 0 and rank == 0:
            row = {"step": stage.step, "minutes": round(stage.spent, 3)}
            row |= {name: float(torch.stack(values).mean()) for name, values in sums.items()}
            row["held out"] = _held_out_error(stage.average, familiar)
            log.info("  ".join(f"{k} {v:.4g}" for k, v in row.items()))
            _append(folder / "curves.csv", row)
            sums = {}
        if time.monotonic() - saved > 60 and rank == 0:
            stage.save(checkpoint)
            saved = time.monotonic()
    if rank == 0:
        stage.spent = minutes
        stage.save(checkpoint)
        _release(stage, held, folder)
    if ranks > 1:
        torch.distributed.destroy_process_group()


def _going_on(stage: Stage1, began: float, minutes: float, device: torch.device) -> bool:
    """Whether time is left, by the first rank's clock: all ranks take the same number of steps."""
    spent = torch.tensor([(time.monotonic() - began) / 60], device=device)
    if stage.ranks > 1:
        torch.distributed.broadcast(spent, 0)
    stage.spent = float(spent)
    return stage.spent < minutes


def _release(stage: Stage1, held: Material, folder: Path) -> None:
    """Write ``trajectories.npz``: what is said to each clip, and the basis that it is said in; of
    the split form the network, which is small and can be given other motion."""
    inner = stage.average.module
    arrays = {f"said/{k}": v for k, v in trajectories(inner, held).items()}
    basis = getattr(inner, "basis", None)
    if isinstance(inner, SplitForm):
        arrays |= {f"network/{k}": v.cpu().numpy() for k, v in inner.state_dict().items()}
    elif isinstance(basis, Basis):
        arrays |= {f"basis/{k}": v.cpu().numpy() for k, v in basis.named_buffers()}
    with written_whole(folder / "trajectories.npz") as partial, partial.open("wb") as file:
        np.savez(file, **arrays)


def _append(path: Path, row: dict[str, float]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    typer.run(main)
