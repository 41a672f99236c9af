"""Faces at rest x random motions -> puppet fields on disk, the food of the prior's training.

``python -m training.frames`` reads ``runs/portraits.npz`` (``training.portraits``) and writes one
file a portrait to ``runs/frames``, on all cores; existing files are kept, so it resumes. Portraits
listed by :func:`split` as held out are written too, and never trained on.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import typer
from rich.progress import track

from engine.output import written_whole
from export.canvas import canvas_picture
from export.motions import sample_motions
from training.portraits import PORTRAITS, RestPortrait, load_portraits

__all__ = ["FRAMES", "main", "split", "write_frames"]

log = logging.getLogger(__name__)

FRAMES = Path("runs") / "frames"
SIZE = 128
HELD_OUT = 40


def split(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """(training, held out): every eleventh portrait of the sorted list is held out, 40 in all."""
    ordered = sorted(names)
    held = ordered[5::11][:HELD_OUT]
    return [n for n in ordered if n not in set(held)], held


def write_frames(out: Path, portrait: RestPortrait, motions: int, seed: int) -> None:
    """One portrait's file: the rest frame and ``motions`` random ones.

    photo ``[N, N, 3]`` uint8 RGB, landmarks ``[468, 2]`` float32 canvas units, faces
    ``[1 + motions, 52]`` float32, fields ``[1 + motions, 8, N, N]`` float16.
    """
    puppet = portrait.puppet()
    faces = sample_motions(motions, np.random.default_rng(seed))
    faces = np.concatenate([np.zeros((1, faces.shape[1]), np.float32), faces])
    fields = np.stack([puppet.fields(f, SIZE).stack() for f in faces]).astype(np.float16)
    photo = canvas_picture(puppet.image, puppet.matrix, SIZE)
    landmarks = puppet.rest.astype(np.float32)
    with written_whole(out) as whole, whole.open("wb") as file:
        np.savez(file, photo=photo, landmarks=landmarks, faces=faces, fields=fields)


def _one_core() -> None:
    cv2.setNumThreads(1)


def main(
    portraits: Path = typer.Option(PORTRAITS, help="Made by training.portraits."),  # noqa: B008
    out: Path = typer.Option(FRAMES, help="Where they go."),  # noqa: B008
    motions: int = typer.Option(20, help="Motions a portrait, the rest frame besides."),
    workers: int = typer.Option(os.cpu_count() or 1, help="Processes."),
) -> None:
    """Write the frames."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    faces = load_portraits(portraits)
    wanted = [
        (out / f"{name}.npz", face, motions, n) for n, (name, face) in enumerate(faces.items())
    ]
    missing = [job for job in wanted if not job[0].exists()]
    with ProcessPoolExecutor(workers, initializer=_one_core) as pool:
        jobs = [pool.submit(partial(write_frames, *job)) for job in missing]
        for job in track(jobs, description="puppet frames"):
            job.result()
    log.info("%d portraits, %d of them new", len(wanted), len(missing))


if __name__ == "__main__":
    typer.run(main)
