"""Train the lite prior (encoder, displacement decoder, generator) on puppet frames.

``python -m training.prior --minutes 60`` reads ``runs/frames`` (made by ``training.frames``), keeps
its checkpoint in ``runs/prior`` and resumes from it, and writes the released weights when done.
On a GPU the frames live in its memory and batches are large: ``--identities 32 --motions 8``.
"""

from __future__ import annotations

import copy
import csv
import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.progress import track
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from engine.motion import ARKIT
from export.generator.prior import POPULATION, PRIOR_PATH, LitePrior, relative
from export.losses import attention, composite, fields_loss
from training.augment import Batch, Warp, lit, mirrored, photographed, warped
from training.frames import FRAMES, split

__all__ = ["Frames", "Trainer", "evaluate", "main", "mirror_image"]

log = logging.getLogger(__name__)

RUN = Path("runs") / "prior"
EMA = 0.998
_SAVE_EVERY = 60.0  # seconds
_MIRROR = [
    ARKIT.index(n.replace("Left", "@").replace("Right", "Left").replace("@", "Right"))
    for n in ARKIT
]
# Of the canvas: from under the nose to the chin, a little beyond the corners of the mouth.
_MOUTH_ROWS, _MOUTH_COLUMNS = (0.46, 0.78), (0.32, 0.68)


class Frames:
    """All frames of some portraits on one device; fields as float16."""

    def __init__(self, paths: Sequence[Path], device: torch.device) -> None:
        self.device = device
        for i, path in enumerate(track(paths, description="reading frames")):
            with np.load(path) as z:
                arrays = {k: z[k] for k in ("photo", "landmarks", "faces", "fields")}
            if i == 0:
                kinds = {k: torch.from_numpy(v) for k, v in arrays.items()}
                self.photos, self.landmarks, self.faces, self.fields = (
                    torch.empty(len(paths), *v.shape, dtype=v.dtype, device=device)
                    for v in kinds.values()
                )
            self.photos[i] = torch.from_numpy(arrays["photo"])
            self.landmarks[i] = torch.from_numpy(arrays["landmarks"])
            self.faces[i] = torch.from_numpy(arrays["faces"])
            self.fields[i] = torch.from_numpy(arrays["fields"])

    def __len__(self) -> int:
        return len(self.photos)

    def of(self, people: Tensor, frames: Tensor) -> Batch:
        """people ``[I]``, frames ``[I, M]``: their rest frames, then these frames of theirs."""
        with_rest = torch.cat([torch.zeros_like(frames[:, :1]), frames], 1)
        photo = self.photos[people].permute(0, 3, 1, 2).float() / 255
        chosen = people[:, None], with_rest
        return Batch(photo, self.landmarks[people], self.faces[chosen], self.fields[chosen].float())

    def draw(self, identities: int, motions: int, generator: torch.Generator) -> Batch:
        """At random."""
        device, count = self.device, self.faces.shape[1]
        people = torch.randint(len(self), (identities,), generator=generator, device=device)
        shape = (identities, motions)
        return self.of(people, torch.randint(1, count, shape, generator=generator, device=device))


def mirror_image(landmarks: NDArray[np.floating]) -> NDArray[np.int64]:
    """``[468]``, the index of each landmark's mirror image.

    landmarks: ``[P, 468, 2]`` canvas units. Their mean is symmetric enough to tell.
    """
    mean = landmarks.mean(0)
    flipped = mean * (-1, 1) + (1, 0)
    # Symmetric costs, so that the mirror of the mirror is the landmark itself.
    distance = np.linalg.norm(mean[:, None] - flipped[None], axis=-1)
    _, partner = linear_sum_assignment((distance + distance.T) ** 2)
    return np.asarray(partner)


def predict(
    prior: LitePrior, seen: Tensor, landmarks: Tensor, batch: Batch, half: bool = False
) -> Tensor:
    """Fields ``[I M, 8, N, N]`` of all but the rest frames; the pivots go through the generator
    once an identity.

    seen: ``[I, 3, N, N]``, what the encoder looks at. half: compute the generator in bfloat16; flow
    errs by some 0.04 px.
    """
    motions = batch.face.shape[1] - 1
    w = prior.encoder(seen, landmarks)
    each = w.repeat_interleave(motions, 0)
    moved = each + prior.displacement(batch.face[:, 1:].flatten(0, 1), each)
    with torch.autocast(seen.device.type, torch.bfloat16, enabled=half):
        raw = prior.synthesis(torch.cat([moved, w])).float()
    pivots = raw[-len(w) :].repeat_interleave(motions, 0)
    return relative(raw[: -len(w)], pivots, batch.fields[:, 0].repeat_interleave(motions, 0))


@torch.no_grad()
def evaluate(prior: LitePrior, frames: Frames, degraded: bool = False) -> dict[str, float]:
    """Against the puppet: PSNR of the composited canvas in its mouth crop, beside the still
    photo's, and the overlap of the opened mouths, intersection over union.

    degraded: the encoder sees the pictures through a cheap camera, the same each time.
    """
    size = prior.config.size
    rows, columns = (slice(int(a * size), int(b * size)) for a, b in (_MOUTH_ROWS, _MOUTH_COLUMNS))
    crop = (..., rows, columns)
    camera = torch.Generator(frames.device).manual_seed(0)
    every = torch.arange(1, frames.faces.shape[1], device=frames.device)[None]
    made_db, still_db, overlap = [], [], []
    for i in range(len(frames)):
        batch = frames.of(torch.tensor([i], device=frames.device), every)
        if degraded:
            batch = lit(batch, camera)
        seen = photographed(batch.photo, camera) if degraded else batch.photo
        out = predict(prior, seen, batch.landmarks, batch)
        target = batch.fields[0, 1:]
        photos = batch.photo.expand(len(out), -1, -1, -1)
        real, made, still = (
            composite(photos, x) for x in (target, out, batch.fields[:, 0].expand_as(out))
        )
        for scores, picture in ((made_db, made), (still_db, still)):
            error = (picture - real)[crop].square().mean((1, 2, 3))
            scores.append((-10 * torch.log10(error + 1e-6)).mean())
        wanted, drawn = target[:, 2:3][crop], out[:, 2:3][crop].clamp(0, 1)
        opened = wanted.sum((1, 2, 3)) > 0.002 * size * size
        shared = torch.minimum(wanted, drawn).sum((1, 2, 3))
        overlap.append((shared / torch.maximum(wanted, drawn).sum((1, 2, 3)))[opened].mean())
    means = (float(torch.stack(x).mean()) for x in (made_db, still_db, overlap))
    return dict(zip(("mouth dB", "still dB", "overlap"), means, strict=True))


class Trainer:
    """Networks, their average and the optimiser; all that a checkpoint holds."""

    def __init__(self, prior: LitePrior, rate: float, device: torch.device) -> None:
        self.prior = prior.to(device).train()
        self.average = copy.deepcopy(self.prior).eval()
        self.optimiser = torch.optim.Adam(self.prior.parameters(), rate, betas=(0.9, 0.99))
        self.rate, self.device = rate, device
        self.step, self.spent = 0, 0.0  # minutes
        self.weight = attention(prior.config.size).to(device)
        self.prior.synthesis.to(memory_format=torch.channels_last)

    def learn(self, batch: Batch, seen: Tensor, done: float) -> dict[str, Tensor]:
        """One step; done: share of the time that is over. Returns the parts of the loss."""
        warm = min(1, (self.step + 1) / 100)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * warm * (0.02 + 0.98 * math.cos(done * math.pi / 2))
        half = self.device.type == "cuda" and done < 0.85
        out = predict(self.prior, seen, batch.landmarks, batch, half)
        photos = batch.photo.repeat_interleave(batch.face.shape[1] - 1, 0)
        loss, parts = fields_loss(out, batch.fields[:, 1:].flatten(0, 1), photos, self.weight)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.prior.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        with torch.no_grad():
            share = 1 - min(EMA, self.step / (self.step + 20))
            torch._foreach_lerp_(
                list(self.average.parameters()), list(self.prior.parameters()), share
            )
        return parts

    def save(self, path: Path) -> None:
        """The checkpoint, and the average as a prior beside it."""
        partial = path.with_suffix(".partial")
        state = {k: getattr(self, k).state_dict() for k in ("prior", "average", "optimiser")}
        torch.save(state | {"step": self.step, "spent": self.spent}, partial)
        partial.rename(path)
        self.average.save(path.with_name("average.safetensors"))

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        for name in ("prior", "average", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.spent = state["step"], state["spent"]


def _augmented(batch: Batch, shapes: Tensor, points: Tensor, dice: torch.Generator) -> Batch:
    people = len(batch.photo)
    left_handed = torch.rand(people, generator=dice, device=dice.device) < 0.5
    batch = mirrored(batch, left_handed, shapes, points)
    return lit(warped(batch, Warp.random(people, dice)), dice)


@torch.no_grad()
def _enrol(prior: LitePrior, frames: Frames) -> None:
    """Keep the pivots of some of the people trained on, evenly spread over their names."""
    chosen = torch.linspace(0, len(frames) - 1, POPULATION).long().to(frames.device)
    none = torch.zeros(POPULATION, 0, dtype=torch.long, device=frames.device)
    batch = frames.of(chosen, none)
    prior.population.copy_(prior.encoder(batch.photo, batch.landmarks))


def _started(path: Path | None) -> LitePrior:
    """A prior with random weights, or with all that a released one has of the same shape."""
    prior = LitePrior()
    if path is not None:
        from safetensors.torch import load_file

        own, old = prior.state_dict(), load_file(path)
        fit = {k: v for k, v in old.items() if k in own and own[k].shape == v.shape}
        log.info("starting with %d of %d tensors of %s", len(fit), len(own), path.name)
        prior.load_state_dict(own | fit)
        if not any(k.startswith("encoder.shape") for k in fit):
            torch.nn.init.zeros_(prior.encoder.shape[-1].weight)
            torch.nn.init.zeros_(prior.encoder.shape[-1].bias)
    return prior


def main(
    minutes: float = typer.Option(60, help="Wall time to train for, all runs together."),
    rate: float = typer.Option(1.5e-3, help="Peak learning rate."),
    identities: int = typer.Option(3, help="People a step."),
    motions: int = typer.Option(4, help="Motions of each."),
    device: str = typer.Option("auto", help="cpu, cuda, or auto: what there is."),
    threads: int = typer.Option(1, help="On a CPU."),
    start: Path | None = typer.Option(None, help="A prior to begin with."),  # noqa: B008
    frames: Path = typer.Option(FRAMES, help="Made by training.frames."),  # noqa: B008
    run: Path = typer.Option(RUN, help="Checkpoint and curves."),  # noqa: B008
    out: Path = typer.Option(PRIOR_PATH, help="The released prior."),  # noqa: B008
) -> None:
    """Train, resume, release."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    on = torch.device(
        ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    )
    if on.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    run.mkdir(parents=True, exist_ok=True)
    names = [p.stem for p in sorted(frames.glob("*.npz"))]
    train, held = ([frames / f"{n}.npz" for n in names] for names in split(names))
    known, strangers = Frames(train, on), Frames(held, on)
    log.info("%d portraits to train on, %d held out, on %s", len(train), len(held), on)

    landmarks = known.landmarks.cpu().numpy()
    prior = _started(start)
    prior.encoder.mean.copy_(torch.from_numpy(landmarks.mean(0)))
    trainer = Trainer(prior, rate, on)
    checkpoint = run / "checkpoint.pt"
    if checkpoint.exists():
        trainer.resume(checkpoint)
        log.info("resuming at step %d, %.1f minutes in", trainer.step, trainer.spent)
    mirror = torch.tensor(_MIRROR, device=on), torch.from_numpy(mirror_image(landmarks)).to(on)
    dice = torch.Generator(on).manual_seed(trainer.step)
    sums: dict[str, Tensor] = {}
    began = saved = time.monotonic()
    before = trainer.spent
    while trainer.spent < minutes:
        batch = _augmented(known.draw(identities, motions, dice), *mirror, dice)
        parts = trainer.learn(batch, photographed(batch.photo, dice), trainer.spent / minutes)
        for key, part in parts.items():
            sums[key] = sums.get(key, 0) + part / 100
        trainer.spent = before + (time.monotonic() - began) / 60
        if trainer.step % 100 == 0:
            row = {"step": trainer.step, "minutes": round(trainer.spent, 2)}
            row |= {k: float(v) for k, v in sums.items()}
            if trainer.step % 1000 == 0:
                row |= evaluate(trainer.average, strangers)
            log.info("  ".join(f"{k} {v:.4g}" for k, v in row.items()))
            with (run / "curves.csv").open("a") as file:
                csv.writer(file).writerow(row.values())
            sums = {}
        if time.monotonic() - saved > _SAVE_EVERY:
            trainer.save(checkpoint)
            saved = time.monotonic()
    _enrol(trainer.average, known)
    trainer.save(checkpoint)
    trainer.average.save(out)
    for kind in (False, True):
        found = evaluate(trainer.average, strangers, degraded=kind)
        log.info("%s, %s: %s", out.name, "a cheap camera" if kind else "as they are", found)


if __name__ == "__main__":
    typer.run(main)
