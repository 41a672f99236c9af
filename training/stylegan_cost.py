"""What inversion and tuning of a StyleGAN2 cost: ``python -m training.stylegan_cost``.

Weights are random: only sizes matter. A step of inversion draws one picture, a step of tuning four
and, every fourth time, one more for locality. Channels are those of the published models (half of
them up to 256 pixels). Each resolution runs in a process of its own, so that memory is its own.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
import typer

from export.generator.stylegan2 import Generator, StyleGAN2Config
from export.multiscale import MultiScaleFeatures
from export.pivotal import PivotalPlan, pivotal_tuning
from export.projector import Projection, project

__all__ = ["cost", "main"]

RESOLUTIONS = [64, 128, 256, 512, 1024]


def cost(resolution: int, steps: int) -> tuple[float, float, float]:
    """Seconds a step of inversion and of tuning (processor time on a CPU), and GB of memory."""
    torch.manual_seed(0)
    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    config = StyleGAN2Config.published(resolution, 16384 if resolution <= 256 else 32768)
    generator = Generator(config).to(device).eval().requires_grad_(False)
    phi = MultiScaleFeatures().to(device)
    pictures = torch.rand(4, 3, resolution, resolution, device=device) * 2 - 1
    pivots = torch.randn(4, config.num_ws, config.w_dim, device=device)

    def clock() -> float:
        if gpu:
            torch.cuda.synchronize()
            return time.perf_counter()
        return time.process_time()

    began = clock()
    plan = Projection(steps=steps)
    project(generator.synthesis, pictures[:1], pivots[:1], 1.0, phi, plan, noises=())
    inverted = clock()
    tuning = PivotalPlan(steps=steps, locality_every=4)
    pivotal_tuning(generator.synthesis, pivots, pictures, phi, lambda n: pivots[:n, 0], tuning)
    tuned = clock()
    memory = torch.cuda.max_memory_allocated() / 1e9 if gpu else _resident()
    return (inverted - began) / steps, (tuned - inverted) / steps, memory


def _resident() -> float:
    """Most memory of this process, GB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e9


def main(
    steps: int = typer.Option(4, min=1, help="Of each kind at each resolution."),
    largest: int = typer.Option(1024, help="Resolution to stop at."),
) -> None:
    """Print a table."""
    sys.stdout.write("pixels   s/step inversion   s/step tuning   memory GB\n")
    context = multiprocessing.get_context("spawn")
    for resolution in RESOLUTIONS:
        if resolution <= largest:
            with ProcessPoolExecutor(1, context) as pool:
                found = pool.submit(cost, resolution, steps).result()
            sys.stdout.write(f"{resolution:6}{found[0]:19.2f}{found[1]:16.2f}{found[2]:12.2f}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    typer.run(main)
