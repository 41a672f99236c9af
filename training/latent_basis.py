"""How many dimensions the displacements of a talking face have, as a table.

Alghamdi et al. (ACM MM 2022) reduce the latent space by a PCA of encoded sequences. Ours are the
puppet's frames of many portraits, encoded in two ways: as the displacement decoder has it, and
optimised frame by frame in all of W+ with the generator frozen, which shows what the generator
could do. A basis V is taken from portraits of the training set; the table says how well frames of
held-out portraits are drawn from their projections onto it.

``python -m training.latent_basis`` prints the table and writes it to ``runs/latent_basis.json``.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import typer
from rich.progress import track
from torch import Tensor

from export.generator.prior import LitePrior, relative
from export.losses import attention, composite, fields_loss
from training.frames import FRAMES, split
from training.precision import quick_half

__all__ = ["Portrait", "main", "optimised", "principal_basis", "projected", "scores"]

log = logging.getLogger(__name__)

OUT = Path("runs") / "latent_basis.json"
DIMENSIONS = (4, 8, 16, 24, 32, 48, 64, 128, 256)
# Rows and columns of the canvas, as shares of its side.
CROPS = {"mouth": ((0.46, 0.78), (0.32, 0.68)), "eyes": ((0.19, 0.34), (0.20, 0.80))}


@dataclass(frozen=True)
class Portrait:
    """photo: ``[1, 3, N, N]`` RGB 0 to 1. faces: ``[F, 52]``. fields: ``[F, C, N, N]``.
    rest: ``[1, C, N, N]``. w: ``[1, num_ws, w_dim]``, its pivot."""

    photo: Tensor
    faces: Tensor
    fields: Tensor
    rest: Tensor
    w: Tensor

    @staticmethod
    @torch.no_grad()
    def load(path: Path, prior: LitePrior) -> Portrait:
        """From a file of ``training.frames``."""
        with np.load(path) as z:
            photo = torch.from_numpy(z["photo"]).permute(2, 0, 1)[None].float() / 255
            w = prior.pivot(z["photo"], z["landmarks"])
            fields = torch.from_numpy(z["fields"].astype(np.float32))
            faces = torch.from_numpy(z["faces"]).float()
        return Portrait(photo, faces[1:], fields[1:], fields[:1], w)

    @torch.no_grad()
    def decoded(self, prior: LitePrior) -> Tensor:
        """Displacements as the decoder has them, ``[F, num_ws, w_dim]``."""
        return prior.displacement(self.faces, self.w.expand(len(self.faces), -1, -1))


def optimised(portrait: Portrait, prior: LitePrior, steps: int = 12, rate: float = 0.02) -> Tensor:
    """Displacements free in W+ that draw each frame best, found from the decoder's,
    ``[F, num_ws, w_dim]``."""
    start = portrait.decoded(prior)
    free = start.clone().requires_grad_(True)
    optimiser = torch.optim.Adam([free], rate, betas=(0.9, 0.99))
    photos = portrait.photo.expand(len(start), -1, -1, -1)
    weight = attention(prior.config.size)
    with torch.no_grad():
        pivot = prior.synthesis(portrait.w)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * (0.05 + 0.95 * math.cos(math.pi / 2 * step / steps))
        with quick_half():
            raw = prior.synthesis(portrait.w + free).float()
        loss, _ = fields_loss(relative(raw, pivot, portrait.rest), portrait.fields, photos, weight)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return free.detach()


def principal_basis(displacements: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Orthonormal rows V ``[D, num_ws w_dim]``, the most telling first, and the share of the
    energy that each explains ``[D]``.

    Not centred: a face at rest has to stay at zero.
    """
    rows = torch.cat([d.flatten(1) for d in displacements]).double()
    _, sizes, basis = torch.linalg.svd(rows, full_matrices=False)
    return basis.float(), sizes.square() / sizes.square().sum()


def projected(displacement: Tensor, basis: Tensor) -> Tensor:
    """``V^-1 V dw`` for orthonormal rows ``basis [K, num_ws w_dim]``."""
    return ((displacement.flatten(1) @ basis.T) @ basis).view_as(displacement)


@torch.no_grad()
def scores(
    portraits: Sequence[Portrait], displacements: Sequence[Tensor], prior: LitePrior
) -> dict[str, float]:
    """Mean PSNR of the composited canvas against the puppet's in each crop, dB."""
    found: dict[str, list[Tensor]] = {name: [] for name in CROPS}
    size = prior.config.size
    for portrait, displacement in zip(portraits, displacements, strict=True):
        raw = prior.synthesis(portrait.w + displacement)
        made = relative(raw, prior.synthesis(portrait.w), portrait.rest)
        photos = portrait.photo.expand(len(raw), -1, -1, -1)
        error = (composite(photos, made) - composite(photos, portrait.fields)).square()
        for name, edges in CROPS.items():
            rows, columns = (slice(int(a * size), int(b * size)) for a, b in edges)
            mean = error[..., rows, columns].mean((1, 2, 3))
            found[name].append(-10 * torch.log10(mean + 1e-6))
    return {name: round(float(torch.cat(values).mean()), 2) for name, values in found.items()}


def main(
    known: int = typer.Option(40, help="Portraits of the training set that V is taken from."),
    held: int = typer.Option(12, help="Held-out portraits that are scored."),
    steps: int = typer.Option(12, help="Of optimising a frame's latent."),
) -> None:
    """Print and write the table."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    prior = LitePrior.load()
    prior.requires_grad_(False)
    names = [p.stem for p in sorted(FRAMES.glob("*.npz")) if ".partial" not in p.name]
    training, held_out = split(names)
    chosen = np.random.default_rng(0).permutation(len(training))[:known]

    encoded: dict[str, list[list[Tensor]]] = {"decoder": [], "optimised": []}
    groups = []
    for label, group in (("known", [training[i] for i in chosen]), ("held out", held_out[:held])):
        portraits = [Portrait.load(FRAMES / f"{name}.npz", prior) for name in group]
        encoded["decoder"].append([p.decoded(prior) for p in portraits])
        encoded["optimised"].append(
            [optimised(p, prior, steps) for p in track(portraits, description=label)]
        )
        groups.append(portraits)
    still = [torch.zeros_like(d) for d in encoded["decoder"][1]]
    table: dict[str, object] = {"still": scores(groups[1], still, prior)}
    for way, (train, test) in encoded.items():
        basis, energy = principal_basis(train)
        rows: dict[str, object] = {}
        for k in (k for k in DIMENSIONS if k <= len(basis)):
            drawn = scores(groups[1], [projected(d, basis[:k]) for d in test], prior)
            rows[str(k)] = drawn | {"energy": round(float(energy[:k].sum()), 4)}
            log.info("%s, %d dimensions: %s", way, k, rows[str(k)])
        rows["all"] = scores(groups[1], test, prior)
        log.info("%s, all: %s", way, rows["all"])
        table[way] = rows
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
