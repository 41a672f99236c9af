"""Train the lite prior (encoder, displacement decoder, generator) on puppet frames.

``python -m training.prior --minutes 35`` reads ``runs/frames`` (made by ``training.frames``), keeps
its checkpoint in ``runs/prior`` and resumes from it, and writes the released weights when done.
"""

from __future__ import annotations

import copy
import csv
import logging
import math
import time
from pathlib import Path

import numpy as np
import torch
import typer
from torch import Tensor

from engine.motion import ARKIT
from export.generator.prior import POPULATION, PRIOR_PATH, LitePrior
from export.losses import attention, composite, fields_loss
from training.frames import FRAMES, split

__all__ = ["Frames", "main"]

log = logging.getLogger(__name__)

RUN = Path("runs") / "prior"
IDENTITIES, MOTIONS = 3, 4
EMA = 0.998
_MIRROR = [
    ARKIT.index(n.replace("Left", "@").replace("Right", "Left").replace("@", "Right"))
    for n in ARKIT
]


class Frames:
    """All frames of some portraits in memory (float16), drawn at random, half of them mirrored."""

    def __init__(self, names: list[str]) -> None:
        self.photos, self.faces, self.fields = [], [], []
        for name in names:
            with np.load(FRAMES / f"{name}.npz") as z:
                self.photos.append(z["photo"])
                self.faces.append(z["faces"])
                self.fields.append(z["fields"])

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """photo ``[I, 3, N, N]``, face ``[I, M, 52]``, fields and rest ``[I, M, 8, N, N]``,
        ``[I, 8, N, N]``."""
        chosen = rng.integers(0, len(self.photos), IDENTITIES)
        photo, face, fields, rest = [], [], [], []
        for i in chosen:
            k = 1 + rng.permutation(len(self.faces[i]) - 1)[:MOTIONS]
            p = self.photos[i].astype(np.float32).transpose(2, 0, 1) / 255
            f, g = self.faces[i][k], self.fields[i][k].astype(np.float32)
            r = self.fields[i][0].astype(np.float32)
            if rng.random() < 0.5:
                p, f, g, r = p[..., ::-1], f[:, _MIRROR], g[..., ::-1].copy(), r[..., ::-1].copy()
                g[:, 0] *= -1
                r[0] *= -1
            gain = rng.uniform(0.85, 1.15, (3, 1, 1)).astype(np.float32)
            g[:, 3:6] *= gain
            photo.append(np.clip(p * gain, 0, 1))
            face.append(f)
            fields.append(g)
            rest.append(r)
        return tuple(torch.from_numpy(np.stack(x)) for x in (photo, face, fields, rest))  # type: ignore[return-value]


def _predict(
    prior: LitePrior, photo: Tensor, face: Tensor, rest: Tensor, half: bool = False
) -> Tensor:
    """Fields ``[I M, 8, N, N]``; the pivots go through the generator once an identity.

    half: compute the generator in bfloat16, 1.5 times as fast on a CPU; flow errs by some 0.04 px.
    """
    identities, motions = face.shape[:2]
    w = prior.encoder(photo)
    each = w.repeat_interleave(motions, 0)
    moved = each + prior.displacement(face.flatten(0, 1), each)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        raw = prior.synthesis(torch.cat([moved, w])).float()
    still = (rest - raw[-identities:])[:, :3].repeat_interleave(motions, 0)
    return torch.cat([raw[:-identities, :3] + still, raw[:-identities, 3:]], 1)


@torch.no_grad()
def evaluate(prior: LitePrior, frames: Frames) -> dict[str, float]:
    """PSNR of the composited canvas in its mouth crop against the puppet's, beside the still
    photo's."""
    rows = slice(int(0.46 * 128), int(0.78 * 128)), slice(int(0.32 * 128), int(0.68 * 128))
    scores = []
    for photo, face, fields in zip(frames.photos, frames.faces, frames.fields, strict=True):
        p = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255
        target = torch.from_numpy(fields[1:].astype(np.float32))
        rest = torch.from_numpy(fields[:1].astype(np.float32))
        f = torch.from_numpy(face[None, 1:])
        out = _predict(prior, p, f, rest)
        real = composite(p.expand(len(out), -1, -1, -1), target)
        made = composite(p.expand(len(out), -1, -1, -1), out)
        still = composite(p, rest)
        for picture in (made, still.expand_as(real)):
            error = (picture - real)[..., rows[0], rows[1]].square().mean((1, 2, 3))
            scores.append((-10 * torch.log10(error + 1e-6)).mean())
    ours, floor = torch.stack(scores[::2]).mean(), torch.stack(scores[1::2]).mean()
    return {"mouth dB": float(ours), "still dB": float(floor)}


@torch.no_grad()
def _enrol(prior: LitePrior, frames: Frames) -> None:
    """Keep the pivots of some of the people trained on, evenly spread over their names."""
    chosen = np.linspace(0, len(frames.photos) - 1, POPULATION).astype(int)
    photos = np.stack([frames.photos[i] for i in chosen]).astype(np.float32) / 255
    prior.population.copy_(prior.encoder(torch.from_numpy(photos).permute(0, 3, 1, 2)))


def main(
    minutes: float = typer.Option(35, help="Wall time to train for, all runs together."),
    rate: float = typer.Option(1.5e-3, help="Peak learning rate."),
    threads: int = typer.Option(1),
) -> None:
    """Train, resume, release."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    RUN.mkdir(parents=True, exist_ok=True)
    names = [p.stem for p in sorted(FRAMES.glob("*.npz")) if ".partial" not in p.name]
    train, held = split(names)
    frames, validation = Frames(train), Frames(held[:12])
    log.info("%d portraits to train on, %d held out", len(train), len(held))

    prior = LitePrior()
    optimiser = torch.optim.Adam(prior.parameters(), rate, betas=(0.9, 0.99))
    average = copy.deepcopy(prior)
    step, spent = 0, 0.0
    checkpoint = RUN / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        prior.load_state_dict(state["prior"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step, spent = state["step"], state["spent"]
        log.info("resuming at step %d, %.1f minutes in", step, spent)
    prior.synthesis.to(memory_format=torch.channels_last)
    weight = attention(prior.config.size)
    rng = np.random.default_rng(step)
    sums: dict[str, float] = {}
    began = time.monotonic() - spent * 60
    while (spent := (time.monotonic() - began) / 60) < minutes:
        done = spent / minutes
        for group in optimiser.param_groups:
            group["lr"] = (
                rate * min(1, (step + 1) / 100) * (0.02 + 0.98 * math.cos(done * math.pi / 2))
            )
        photo, face, fields, rest = frames.batch(rng)
        predicted = _predict(prior, photo, face, rest, half=done < 0.85)
        photos = photo.repeat_interleave(face.shape[1], 0)
        loss, parts = fields_loss(predicted, fields.flatten(0, 1), photos, weight)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(prior.parameters(), 5.0)
        optimiser.step()
        step += 1
        with torch.no_grad():
            for mean, value in zip(average.parameters(), prior.parameters(), strict=True):
                mean.lerp_(value, 1 - min(EMA, step / (step + 20)))
        for key, part in parts.items():
            sums[key] = sums.get(key, 0) + part / 100
        if step % 100 == 0:
            scores = evaluate(average, validation) if step % 500 == 0 else {}
            row = {"step": step, "minutes": round(spent, 2), **sums, **scores}
            log.info("  ".join(f"{k} {v:.4g}" for k, v in row.items()))
            with (RUN / "curves.csv").open("a") as file:
                csv.writer(file).writerow(row.values())
            sums = {}
        if step % 250 == 0:
            partial = checkpoint.with_suffix(".partial")
            torch.save(
                {
                    "prior": prior.state_dict(),
                    "average": average.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "step": step,
                    "spent": spent,
                },
                partial,
            )
            partial.rename(checkpoint)
            average.save(RUN / "average.safetensors")
    _enrol(average, frames)
    average.save(PRIOR_PATH)
    everyone = evaluate(average, Frames(held))
    log.info("released %s: %s on %d held-out portraits", PRIOR_PATH.name, everyone, len(held))


if __name__ == "__main__":
    typer.run(main)
