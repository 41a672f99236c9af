"""The whole of the seed method: ``python -m training.paper --minutes 60``.

Generator and encoder, stage 1 in both forms and with the paper's ablations, stage 2, the drawing of
the clips that are held out. Each step is a command of its own that can be run alone and resumes;
runs of one stage share the machine, ``--jobs`` at a time. ``training.paper.evaluate`` measures what
was drawn.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path

import typer

from training.data import data_folder
from training.paper.crops import CROPS, ClipCrops, read_crops
from training.paper.lite import PEOPLE
from training.paper.lite import STAGE1 as LITE_STAGE1
from training.paper.lite_stage2 import RUN as LITE_TUNED
from training.paper.stage2 import RUN as TUNED

__all__ = ["main"]

log = logging.getLogger(__name__)

# Of the time: the generator, then stage 1. Tuning takes steps, not time.
_GENERATOR, _STAGE1 = 0.72, 0.28
_DRAWING_TAKES = 2.5  # times as long as a step that does not
_RUNS = (
    ("--form", "paper"),
    ("--form", "paper", "--without", "latent"),
    ("--form", "paper", "--without", "lpips"),
    ("--form", "split"),
    ("--form", "speech"),
)
_LITE_RUNS = (*_RUNS[:3], _RUNS[4])  # the split form's displacement decoder ships
# Fewer channels and frames drawn, for more steps in the time.
_WITHOUT_A_GPU = (
    "--width", "0.125", "--batch", "4", "--drawn", "1", "--rate", "1e-3", "--dropout", "0.1",
)  # fmt: skip


def _run(commands: list[list[str]], jobs: int) -> None:
    """Run modules of this package, ``jobs`` at a time; stop at the first that fails."""
    waiting, running = list(commands), []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_started(waiting.pop(0)))
            done = next((p for p in running if p.poll() is not None), None)
            if done is None:
                time.sleep(0.2)
                continue
            running.remove(done)
            if done.returncode:
                raise typer.Exit(done.returncode)
    finally:
        for process in running:
            process.terminate()


def _started(arguments: list[str]) -> subprocess.Popen[bytes]:
    log.info("training.paper.%s", " ".join(arguments))
    module, *rest = arguments
    return subprocess.Popen([sys.executable, "-m", f"training.paper.{module}", *rest])


def main(
    data: Path = typer.Option(data_folder(), "--data", help="The data folder."),  # noqa: B008
    minutes: float = typer.Option(
        60.0, "--minutes", help="For the generator and stage 1 together."
    ),
    batch: int = typer.Option(32, help="Pictures in a step of the generator."),
    jobs: int = typer.Option(1, "--jobs", help="Runs at once; 6 where a large GPU is shared."),
    steps: int | None = typer.Option(None, help="Of pivotal tuning, else what each form takes."),
    lite: bool = typer.Option(False, "--lite", help="On the generator that ships, without a GPU."),
) -> None:
    """Run everything that training needs, from the crops on."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if not CROPS.exists():
        _run([["crops", "--data", str(data)]], 1)
    if lite:
        if not PEOPLE.exists():
            _run([["lite", "--data", str(data)]], 1)
        runs, drawing = _LITE_RUNS, ("lite_stage2", "--data", str(data))
        options = ("--lite", "--out", str(LITE_STAGE1), *_WITHOUT_A_GPU)
        stage1, tuned = minutes, LITE_TUNED
    else:
        _run([["generator", "--minutes", str(minutes * _GENERATOR), "--batch", str(batch)]], 1)
        runs, drawing, options = _RUNS, ("stage2",), ()
        stage1, tuned = minutes * _STAGE1, TUNED
    shares = [_DRAWING_TAKES if _draws(run) else 1.0 for run in runs]
    unit = stage1 / max(sum(shares) / jobs, max(shares))
    _run(
        [
            ["stage1", *run, *options, "--minutes", f"{unit * share:.3f}"]
            for run, share in zip(runs, shares, strict=True)
        ],
        jobs,
    )
    module, *place = drawing
    enough = () if steps is None else ("--steps", str(steps))
    _run(
        [
            [module, "tune", "--who", who, f"--{kind}", *enough, *place]
            for who, kind in _tunings(read_crops(CROPS).clips)
            if not (tuned / f"{who}-{kind}.pt").exists()
        ],
        jobs,
    )
    _run([[module, "draw", *place]], 1)


def _draws(run: tuple[str, ...]) -> bool:
    """Whether a run of stage 1 has L_lpips, for which the generator draws in every step."""
    return "speech" not in run and "lpips" not in run


def _tunings(clips: list[ClipCrops]) -> list[tuple[str, str]]:
    """Speakers on an image and on a video; strangers, whose clips are all held out, on an image."""
    known = sorted({c.key.rpartition("_")[0] for c in clips if not c.held_out})
    strangers = [c.key for c in clips if c.key.rpartition("_")[0] not in known]
    return [(who, kind) for who in known for kind in ("video", "image")] + [
        (key, "image") for key in strangers
    ]


if __name__ == "__main__":
    typer.run(main)
