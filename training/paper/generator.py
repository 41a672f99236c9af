"""Train the generator, its encoder into W+ and its discriminator on aligned crops.

``python -m training.paper.generator --minutes 4`` reads ``runs/paper/crops.npz``, keeps its
checkpoint, curves and a contact sheet in ``runs/paper/generator``, resumes from there, and stops by
itself. Generator and encoder are an autoencoder in W+; random w of the mapping network are drawn as
well, so that the space between the faces is a face space too (it is what pivotal tuning holds on
to). The adversary comes in when the autoencoder can draw a face.

Karras et al. (CVPR 2020): non-saturating loss, R1 every 16 steps. Tov et al., "Designing an Encoder
for StyleGAN Image Manipulation" (SIGGRAPH 2021): rows of W+ are kept near each other and near the
mean.
"""

from __future__ import annotations

import copy
import csv
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.output import written_whole
from export.generator.stylegan2 import StyleGAN2Config
from training.paper.crops import CROPS, Crops, read_crops
from training.paper.discriminator import augmented, r1_penalty
from training.paper.pretrained import Pretrained, as_input, as_pictures

__all__ = ["RUN", "Losses", "Trainer", "attention", "gradients", "main"]

log = logging.getLogger(__name__)

RUN = Path("runs") / "paper" / "generator"
_CLIPS = 0.55  # share of the clips' frames among what is drawn; the rest are faces
_SCALES = 4
_R1_EVERY, _R1 = 16, 1.0
_RATES = (2e-3, 6e-4)  # peak learning rates of generator (equalised) and encoder
_WARM_UP = 25  # steps
_HELD = 2  # held-out clips on the sheet
_MEMORY = 0.997  # of the running average, a step
_BEGIN, _RAMP = 0.15, 0.15  # shares of the time: when the adversary comes in, and how slowly


@dataclass(frozen=True)
class Losses:
    """Weights. pixels: of absolute differences at four scales. edges: of differences of
    neighbours. adversary, random: of the loss of reconstructions and of random faces. mean, rows:
    of the squared distance of W+ from the mean w, and of its rows from each other.
    mouth: see :func:`attention`."""

    pixels: float = 30.0
    edges: float = 15.0
    adversary: float = 0.3
    random: float = 0.3
    mean: float = 0.02
    rows: float = 0.02
    mouth: float = 2.5


def attention(size: int, mouth: float = 2.5) -> Tensor:
    """``[1, 1, size, size]``, mean 1: the mouth of the protocol's crop counts most.

    mouth: how much more than the rest of the face, before all is brought to mean 1.
    """
    axis = (torch.arange(size) + 0.5) / size
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    face = torch.exp(-(((x - 0.5) / 0.36) ** 4 + ((y - 0.55) / 0.42) ** 4))
    lips = torch.exp(-(((x - 0.5) / 0.17) ** 2 + ((y - 0.70) / 0.13) ** 2))
    weight = 0.4 + 0.6 * face + mouth * lips
    return (weight / weight.mean())[None, None]


def gradients(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of neighbours down and across."""
    return picture[..., 1:, :] - picture[..., :-1, :], picture[..., 1:] - picture[..., :-1]


def reconstruction(drawn: Tensor, real: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted absolute differences at several scales, and of neighbouring pixels."""
    difference, at = drawn - real, weight
    pixels = (difference.abs() * at).mean()
    for _ in range(_SCALES - 1):
        difference, at = functional.avg_pool2d(difference, 2), functional.avg_pool2d(at, 2)
        pixels = pixels + (difference.abs() * at).mean()
    down, across = gradients(drawn - real)
    edges = (down.abs() * weight[..., 1:, :]).mean() + (across.abs() * weight[..., 1:]).mean()
    return pixels / _SCALES, edges / 2


class Pictures:
    """All crops on the device, drawn by the shares of clips and faces, half of them mirrored
    where ``mirror`` says so."""

    def __init__(
        self, crops: Crops, device: torch.device, clips: float = _CLIPS, mirror: bool = True
    ) -> None:
        self.mirror = mirror
        pictures, owner = crops.generator_pictures()
        self.pictures = torch.from_numpy(pictures).to(device)
        counts = {"clips": (owner >= 0).sum(), "faces": (owner < 0).sum()}
        shares = {"clips": clips, "faces": 1 - clips}
        known = {k: shares[k] for k, n in counts.items() if n}
        weight = np.where(owner >= 0, known.get("clips", 0), known.get("faces", 0)).astype(float)
        for kind, chosen in (("clips", owner >= 0), ("faces", owner < 0)):
            weight[chosen] /= max(int(counts[kind]), 1)
        self.weight = torch.from_numpy(weight)

    def batch(self, size: int) -> Tensor:
        """``[size, 3, N, N]``, -1 to 1."""
        chosen = torch.multinomial(self.weight, size, replacement=True)
        x = as_input(self.pictures[chosen.to(self.pictures.device)])
        if not self.mirror:
            return x
        flipped = torch.rand(size, device=x.device)[:, None, None, None] < 0.5
        return torch.where(flipped, x.flip(3), x)


class Trainer:
    """Networks, their running averages and optimisers; everything that a checkpoint holds."""

    def __init__(
        self,
        config: StyleGAN2Config,
        device: torch.device,
        losses: Losses,
        half: bool,
        rates: tuple[float, float] = _RATES,
    ) -> None:
        self.nets = Pretrained.new(config)
        # On a CPU the backward pass is faster with channels first.
        layout = torch.channels_last if device.type == "cuda" else torch.contiguous_format
        for module in self.nets.modules():
            module.to(device, memory_format=layout)
        self.average = Pretrained(
            copy.deepcopy(self.nets.generator),
            copy.deepcopy(self.nets.encoder),
            self.nets.discriminator,
        )
        self.losses, self.device, self.half = losses, device, half
        generator, encoder, discriminator = self.nets.modules()
        self.optimisers = (
            torch.optim.Adam(
                [
                    {"params": generator.parameters(), "peak": rates[0]},
                    {"params": encoder.parameters(), "peak": rates[1]},
                ],
                betas=(0.5, 0.99),
            ),
            torch.optim.Adam(
                [{"params": discriminator.parameters(), "peak": 1.5e-3}], betas=(0.0, 0.99)
            ),
        )
        self.weight = attention(config.resolution, losses.mouth).to(device)
        self.step, self.spent = 0, 0.0

    def train_step(self, pictures: Pictures, batch: int, done: float) -> dict[str, Tensor]:
        """One step of both sides. done: share of the time, which sets the rates."""
        warm = min(1.0, (self.step + 1) / _WARM_UP)
        rate = warm * (1.0 if done < 0.6 else 0.03 + 0.97 * math.cos((done - 0.6) * math.pi / 0.8))
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate * group["peak"]
        alone = not self.losses.adversary
        strength = 0.0 if alone else min(1.0, max(0.0, (done - _BEGIN) / _RAMP))
        real = pictures.batch(batch)
        parts, drawn = self._generator_step(real, strength)
        if not alone and done >= _BEGIN * 0.5:
            parts |= self._discriminator_step(pictures.batch(len(drawn)), drawn)
        self.step += 1
        self._remember()
        return {name: part.detach() for name, part in parts.items()}

    def _generator_step(self, real: Tensor, strength: float) -> tuple[dict[str, Tensor], Tensor]:
        _generator, encoder, discriminator = self.nets.modules()
        config, weights = self.nets.generator.config, self.losses
        discriminator.requires_grad_(False)
        count = max(len(real) // 2, 1) if weights.adversary else 0
        z = torch.randn(count, config.z_dim, device=self.device)
        w = self.nets.generator.mapping(z)
        random = w[:, None].expand(-1, config.num_ws, -1)
        with self._autocast():
            ws = encoder(real).float()
            drawn = self.nets.draw(torch.cat([ws, random])).float()
            logits = discriminator(augmented(drawn)).float() if strength else drawn.new_zeros(1)
        pixels, edges = reconstruction(drawn[: len(real)], real, self.weight)
        away = (ws - encoder.w_avg).square().mean()
        apart = (ws - ws.mean(1, keepdim=True)).square().mean()
        loss = weights.pixels * pixels + weights.edges * edges
        loss = loss + weights.mean * away + weights.rows * apart
        parts = {"pixels": pixels, "edges": edges, "away": away, "apart": apart}
        if strength:
            fooled = functional.softplus(-logits)
            parts |= {"fooled": fooled[: len(real)].mean(), "fooled z": fooled[len(real) :].mean()}
            loss = loss + strength * (
                weights.adversary * parts["fooled"] + weights.random * parts["fooled z"]
            )
        self._apply(self.optimisers[0], loss)
        with torch.no_grad():
            if count:
                self.nets.generator.mapping.w_avg.lerp_(w.mean(0), 0.02)
            encoder.w_avg.copy_(self.nets.generator.mapping.w_avg)
        return parts, drawn.detach()

    def _discriminator_step(self, real: Tensor, drawn: Tensor) -> dict[str, Tensor]:
        discriminator = self.nets.discriminator.requires_grad_(True)
        with self._autocast():
            seen = augmented(torch.cat([drawn, real]))
            fake = discriminator(seen[: len(drawn)]).float()
            true = discriminator(seen[len(drawn) :]).float()
        told = functional.softplus(fake).mean() + functional.softplus(-true).mean()
        parts, loss = {"told": told}, told
        if self.step % _R1_EVERY == 0:
            parts["r1"] = r1_penalty(discriminator, augmented(real))
            loss = loss + _R1 * _R1_EVERY * parts["r1"]
        self._apply(self.optimisers[1], loss)
        return parts

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)

    @staticmethod
    def _apply(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for group in optimiser.param_groups:
            nn.utils.clip_grad_norm_(group["params"], 10.0)
        optimiser.step()

    @torch.no_grad()
    def _remember(self) -> None:
        part = 1 - min(_MEMORY, self.step / (self.step + 20))
        pairs = zip(self.average.modules()[:2], self.nets.modules()[:2], strict=True)
        for mean, now in pairs:
            torch._foreach_lerp_(list(mean.parameters()), list(now.parameters()), part)
            for kept, buffer in zip(mean.buffers(), now.buffers(), strict=True):
                kept.copy_(buffer)

    @torch.no_grad()
    def picture(self, faces: Tensor) -> tuple[NDArray[np.uint8], float]:
        """Rows of faces, their reconstructions and random faces, RGB; PSNR of held-out ones, dB.

        faces: those of :func:`_shown`, uint8 ``[n, N, N, 3]``.
        """
        real = as_input(faces.to(self.device))
        again = self.average.draw(self.average.encoder(real))
        z = torch.randn(len(faces), self.nets.generator.config.z_dim, generator=_seeded(1))
        mapping = self.average.generator.mapping
        ws = mapping.broadcast(z.to(self.device), self.nets.generator.synthesis.num_ws, 0.8)
        rows = [as_pictures(x).cpu().numpy() for x in (real, again, self.average.draw(ws))]
        error = np.mean((rows[0].astype(float) - rows[1]) ** 2, (1, 2, 3))
        held = error[1 : 1 + _HELD]
        psnr = float(np.mean(10 * np.log10(255**2 / np.maximum(held, 1e-6))))
        return np.vstack([np.hstack(list(row)) for row in rows]), psnr

    def save(self, path: Path) -> None:
        """Everything that going on needs."""
        state = {
            "nets": [m.state_dict() for m in self.nets.modules()],
            "average": [m.state_dict() for m in self.average.modules()[:2]],
            "optimisers": [o.state_dict() for o in self.optimisers],
            "step": self.step,
            "spent": self.spent,
        }
        with written_whole(path) as partial:
            torch.save(state, partial)

    def begin_with(self, nets: Pretrained) -> None:
        """Take over weights, for training and as running averages."""
        for target in (self.nets, self.average):
            for module, given in zip(target.modules(), nets.modules(), strict=True):
                module.load_state_dict(given.state_dict())

    def load(self, path: Path) -> None:
        """Go on where :meth:`save` was."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        for module, tensors in zip(self.nets.modules(), state["nets"], strict=True):
            module.load_state_dict(tensors)
        for module, tensors in zip(self.average.modules(), state["average"], strict=False):
            module.load_state_dict(tensors)
        for optimiser, tensors in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(tensors)
        self.step, self.spent = state["step"], state["spent"]


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _shown(crops: Crops) -> Tensor:
    """Frames of a clip, of two that are held out and three strangers', and four other faces."""
    held = [c for c in crops.clips if c.held_out]
    known = [c for c in crops.clips if not c.held_out]
    spread = np.linspace(0, len(crops.faces) - 1, 4).astype(int) if len(crops.faces) else []
    clips = [known[0], *held[:_HELD], *held[-3:]]
    chosen = [c.pictures[len(c.pictures) // 2] for c in clips] + [crops.faces[i] for i in spread]
    return torch.from_numpy(np.stack(chosen))


def main(
    minutes: float = typer.Option(60.0, help="Wall time to train for, all runs together."),
    crops: Path = typer.Option(CROPS, help="What training.paper.crops wrote."),  # noqa: B008
    out: Path = typer.Option(RUN, help="The folder for checkpoint, curves, sheet and weights."),  # noqa: B008
    batch: int = typer.Option(32, help="Pictures a step; half as many random faces besides."),
    channel_base: int = typer.Option(4096, help="Channels at N pixels times N."),
    channel_max: int = typer.Option(256, help="Most channels of a level, and the width of w."),
    threads: int = typer.Option(1, help="CPU threads."),
    start: Path | None = typer.Option(None, help="A folder of weights to begin with."),  # noqa: B008
    clips: float = typer.Option(_CLIPS, help="Share of frames of clips, rest are other faces."),
    rate: float = typer.Option(_RATES[0], help="Peak learning rate of the generator."),
    encoder_rate: float = typer.Option(_RATES[1], help="Peak learning rate of the encoder."),
    mirror: bool = typer.Option(True, help="Mirror half of the pictures."),
    mouth: float = typer.Option(Losses.mouth, help="Weight of the mouth."),
    adversary: bool = typer.Option(True, help="Without it, an autoencoder is all that is trained."),
    half: bool = typer.Option(True, help="Compute in bfloat16 where there is a GPU."),
    save_every: float = typer.Option(60.0, help="Seconds between checkpoints."),
) -> None:
    """Train, resume, release."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    out.mkdir(parents=True, exist_ok=True)
    everything = read_crops(crops)
    pictures, shown = Pictures(everything, device, clips, mirror), _shown(everything)
    config = StyleGAN2Config.published(
        int(shown.shape[1]), channel_base, channel_max, z_dim=channel_max, w_dim=channel_max
    )
    losses = Losses(mouth=mouth) if adversary else Losses(adversary=0.0, random=0.0, mouth=mouth)
    trainer = Trainer(config, device, losses, half and device.type == "cuda", (rate, encoder_rate))
    if start is not None:
        trainer.begin_with(Pretrained.load(start))
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
        log.info("resuming at step %d, %.1f minutes in", trainer.step, trainer.spent)
    log.info("%d pictures, %s, batch %d, %s", len(pictures.pictures), config, batch, device)
    began = time.monotonic() - trainer.spent * 60
    saved, sums, count = time.monotonic(), {}, 0
    while (spent := (time.monotonic() - began) / 60) < minutes:
        trainer.spent = spent
        for name, value in trainer.train_step(pictures, batch, spent / minutes).items():
            sums.setdefault(name, []).append(value)
        count += 1
        if count % 50 == 0:
            row = {"step": trainer.step, "minutes": round(spent, 2)}
            row |= {name: float(torch.stack(values).mean()) for name, values in sums.items()}
            _append(out / "curves.csv", row)
            sums = {}
        if time.monotonic() - saved > save_every:
            _release(trainer, out, shown, spent)
            trainer.save(checkpoint)
            saved = time.monotonic()
    trainer.spent = minutes
    _release(trainer, out, shown, minutes)
    trainer.save(checkpoint)


def _release(trainer: Trainer, out: Path, shown: Tensor, spent: float) -> None:
    sheet, psnr = trainer.picture(shown)
    cv2.imwrite(str(out / "sheet.png"), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    trainer.average.save(out)
    log.info("step %d, %.2f minutes, held-out clips %.2f dB", trainer.step, spent, psnr)
    _append(out / "psnr.csv", {"step": trainer.step, "minutes": round(spent, 2), "psnr": psnr})


_COLUMNS = ("step", "minutes", "psnr", "pixels", "edges", "away", "apart", "fooled", "fooled z",
            "told", "r1")  # fmt: skip


def _append(path: Path, row: dict[str, float]) -> None:
    """One line of a table with a head; parts that are not there yet stay empty."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    typer.run(main)
