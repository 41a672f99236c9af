"""Portraits x random motions -> puppet fields on disk, the food of the prior's training.

``python -m training.frames`` writes one file a portrait to ``runs/frames``; existing files are
kept, so it resumes. Portraits listed by :func:`split` as held out are written too, and never
trained on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import typer
from rich.progress import track

from export.canvas import canvas_picture
from export.landmarks import FaceMesh
from export.motions import sample_motions
from export.rest import at_rest
from training.data import data_folder

__all__ = ["main", "split"]

log = logging.getLogger(__name__)

FRAMES = Path("runs") / "frames"
SIZE = 128
HELD_OUT = 40


def split(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """(training, held out): every eleventh portrait of the sorted list is held out, 40 in all."""
    ordered = sorted(names)
    held = ordered[5::11][:HELD_OUT]
    return [n for n in ordered if n not in set(held)], held


def main(
    data: Path = typer.Option(data_folder(), help="The data folder."),  # noqa: B008
    motions: int = typer.Option(20, help="Motions a portrait, the rest frame besides."),
) -> None:
    """Write the frames."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cv2.setNumThreads(1)
    FRAMES.mkdir(parents=True, exist_ok=True)
    portraits = sorted((data / "portraits").glob("*.jpg"))
    skipped = 0
    with FaceMesh() as mesh:
        for n, path in enumerate(track(portraits, description="puppet frames")):
            out = FRAMES / f"{path.stem}.npz"
            if out.exists():
                continue
            image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            landmarks = mesh.detect(image)
            if landmarks is None:
                skipped += 1
                continue
            puppet = at_rest(image, landmarks)
            faces = sample_motions(motions, np.random.default_rng(n))
            faces = np.concatenate([np.zeros((1, faces.shape[1]), np.float32), faces])
            fields = np.stack([puppet.fields(f, SIZE).stack() for f in faces]).astype(np.float16)
            photo = canvas_picture(puppet.image, puppet.matrix, SIZE)
            partial = out.with_suffix(".partial.npz")
            np.savez(partial, photo=photo, faces=faces, fields=fields)
            partial.rename(out)
    log.info("%d portraits, %d without a face", len(portraits), skipped)


if __name__ == "__main__":
    typer.run(main)
