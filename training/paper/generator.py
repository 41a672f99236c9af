"""Train the generator, its encoder into W+ and its discriminator on aligned crops.

``python -m training.paper.generator --minutes 4`` reads ``runs/paper/crops.npz``, keeps its
checkpoint, curves and a contact sheet in ``runs/paper/generator``, resumes from there, and stops by
itself. Generator and encoder are an autoencoder in W+; random w of the mapping network are drawn as
well, so that the space between the faces is a face space too (it is what pivotal tuning holds on
to). The adversary comes in when the autoencoder can draw a face.
"""

from __future__ import annotations

import csv
import logging
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import typer
from torch import Tensor

from export.generator.stylegan2 import StyleGAN2Config
from training.paper.autoencoder import CLIPS, HELD, RATES, Pictures, Trainer
from training.paper.crops import CROPS, Crops, read_crops
from training.paper.pretrained import Pretrained
from training.paper.reconstruction import Losses

__all__ = ["RUN", "main"]

log = logging.getLogger(__name__)

RUN = Path("runs") / "paper" / "generator"


def _shown(crops: Crops) -> Tensor:
    """Frames of a clip, of two that are held out and three strangers', and four other faces."""
    held = [c for c in crops.clips if c.held_out]
    known = [c for c in crops.clips if not c.held_out]
    spread = np.linspace(0, len(crops.faces) - 1, 4).astype(int) if len(crops.faces) else []
    clips = [known[0], *held[:HELD], *held[-3:]]
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
    clips: float = typer.Option(CLIPS, help="Share of frames of clips, rest are other faces."),
    rate: float = typer.Option(RATES[0], help="Peak learning rate of the generator."),
    encoder_rate: float = typer.Option(RATES[1], help="Peak learning rate of the encoder."),
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
