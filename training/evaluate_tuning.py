"""What tuning buys: generators of people never trained on, against their puppets.

``python -m training.evaluate_tuning`` takes held-out portraits, draws motions that no generator of
them has seen, and compares frames (512 x 512, through the compositor) with the puppet's own in the
mouth's crop: the still photo, the prior without any tuning (``fast``) and the tuned one (``best``).
The prior is tested once more on the same people as a webcam would have taken them, small, blurred
and in bad light (``training.webcam``). It also says what tuning does to everybody else: the prior's
dB for other portraits, before and after.
"""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from engine.compositor import Compositor
from engine.face import Canvas
from export.align import eye_centres, frame_photo
from export.canvas import canvas_picture
from export.generator.prior import FaceGenerator, LitePrior
from export.landmarks import FaceMesh
from export.motions import sample_motions
from export.rest import at_rest
from export.tune import BEST, puppet_frames, tune
from training.data import data_folder
from training.frames import split
from training.webcam import webcam

__all__ = ["main"]

log = logging.getLogger(__name__)

_SIDE = 512
_MOTIONS = 12
# Of the canvas: from under the nose to the chin, a little beyond the corners of the mouth.
_CROP = ((0.32, 0.46), (0.68, 0.78))
_OPEN = 0.002  # of the canvas: a mouth that is open at all


class _Person:
    """A picture of somebody and its puppet's frames for motions that nobody is tuned on."""

    def __init__(self, image: NDArray[np.uint8], mesh: FaceMesh, seed: int) -> None:
        landmarks = mesh.detect(image)
        assert landmarks is not None
        framing = frame_photo(image, landmarks, _SIDE)
        self.puppet = at_rest(framing.image, framing.landmarks)
        self.matrix = self.puppet.matrix
        self.faces = sample_motions(_MOTIONS, np.random.default_rng(10_000 + seed))
        self._size = LitePrior.load().config.size
        self._compositor = Compositor(
            self.puppet.image, self.matrix, self._size, self.puppet.teeth()
        )
        (x0, y0), (x1, y1) = (self.matrix @ (*corner, 1.0) for corner in _CROP)
        self._crop = np.s_[int(y0) : int(y1), int(x0) : int(x1)]
        self.rest = torch.from_numpy(self.puppet.fields(np.zeros(52), self._size).stack()[None])
        self.picture = canvas_picture(self.puppet.image, self.matrix, self._size)
        canvases = [self.puppet.canvas(f, self._size) for f in self.faces]
        self._real = [self._drawn(canvas) for canvas in canvases]
        self._open = np.stack([canvas.cover[..., 3] for canvas in canvases])

    def _drawn(self, canvas: Canvas) -> NDArray[np.float64]:
        frame = self._compositor.draw(canvas, np.zeros(3, np.float32))
        return frame[self._crop].astype(np.float64)

    def pivot(self, prior: LitePrior) -> Tensor:
        return prior.pivot(self.picture, self.puppet.rest)

    def still(self) -> float:
        rest = self._drawn(self.puppet.canvas(np.zeros(52), self._size))
        return float(np.mean([_psnr(rest, real) for real in self._real]))

    def score(self, generator: FaceGenerator) -> tuple[float, float]:
        """Against the puppet: mean PSNR of the mouth's crop, dB, and mean overlap of the opened
        mouths, intersection over union."""
        with torch.no_grad():
            drawn = [x.numpy() for x in generator(torch.from_numpy(self.faces))]
        scores = []
        for k, real in enumerate(self._real):
            flow, alpha, colour, light, tongue, jaw = (x[k] for x in drawn)
            planes = (
                flow,
                np.concatenate([colour * alpha, alpha]),
                np.concatenate([light, tongue]),
            )
            canvas = Canvas(*(np.ascontiguousarray(p.transpose(1, 2, 0)) for p in planes), jaw)
            scores.append(_psnr(self._drawn(canvas), real))
        return float(np.mean(scores)), self._overlap(drawn[1][:, 0])

    def _overlap(self, alpha: NDArray[np.float32]) -> float:
        """alpha: ``[F, N, N]``."""
        columns, rows = (
            slice(*(int(edge * self._size) for edge in edges)) for edges in zip(*_CROP, strict=True)
        )
        ours, real = alpha[:, rows, columns], self._open[:, rows, columns]
        opened = real.sum((1, 2)) > _OPEN * self._size**2
        shared = np.minimum(ours, real).sum((1, 2)) / np.maximum(ours, real).sum((1, 2))
        return float(shared[opened].mean())

    def untuned(self, prior: LitePrior) -> FaceGenerator:
        jaw = torch.tensor(self.puppet.jaw, dtype=torch.float32)
        return FaceGenerator(prior, self.pivot(prior), self.rest, jaw).eval()

    def tuned(self, prior: LitePrior) -> FaceGenerator:
        frames = puppet_frames(self.puppet, BEST.frames, self._size, lambda share: None)
        seen = self.picture, self.puppet.rest
        return tune(prior, *seen, *frames, self.puppet.jaw, BEST, lambda share: None)


def _psnr(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(10 * np.log10(255**2 / max(np.mean((a - b) ** 2), 1e-6)))


def _grafted(prior: LitePrior, tuned: FaceGenerator) -> LitePrior:
    """The prior with the weights of somebody's tuned generator."""
    graft = LitePrior(prior.config).eval()
    graft.load_state_dict(prior.state_dict())
    graft.synthesis.load_state_dict(tuned.synthesis.state_dict())
    graft.displacement.load_state_dict(tuned.displacement.state_dict())
    return graft


def main(
    data: Path = typer.Option(data_folder(), help="The data folder."),  # noqa: B008
    people: int = typer.Option(40, help="Held-out portraits for the untuned prior."),
    tuned: int = typer.Option(6, help="Of these, how many to tune (minutes each)."),
) -> None:
    """Print the table."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prior = LitePrior.load()
    paths = {p.stem: p for p in (data / "portraits").glob("*.jpg")}
    _, held = split(list(paths))
    faces, filmed = [], []
    with FaceMesh() as mesh:
        for n, name in enumerate(track(held[:people], description="puppets")):
            image = cv2.cvtColor(cv2.imread(str(paths[name])), cv2.COLOR_BGR2RGB).astype(np.uint8)
            faces.append(_Person(image, mesh, n))
            landmarks = mesh.detect(image)
            assert landmarks is not None
            poor = webcam(image, eye_centres(landmarks), np.random.default_rng(n))
            filmed.append(_Person(poor, mesh, n))
    rows = {
        "still photo": [(p.still(), np.nan) for p in faces],
        "prior (fast)": [p.score(p.untuned(prior)) for p in faces],
        "webcam: still photo": [(p.still(), np.nan) for p in filmed],
        "webcam: prior (fast)": [p.score(p.untuned(prior)) for p in filmed],
        "tuned (best)": [],
        "prior, somebody else, after tuning": [],
    }
    for k, person in enumerate(track(faces[:tuned], description="tuning")):
        generator = person.tuned(prior)
        rows["tuned (best)"].append(person.score(generator))
        other = faces[(k + 1) % len(faces)]
        score = other.score(other.untuned(_grafted(prior, generator)))
        rows["prior, somebody else, after tuning"].append(score)
    table = Table("mouth crop against the puppet", "people", "dB", "least", "overlap", "least")
    for name, scores in rows.items():
        if scores:
            decibel, overlap = np.array(scores).T
            table.add_row(
                name, str(len(scores)), f"{decibel.mean():.2f}", f"{decibel.min():.2f}",
                f"{overlap.mean():.3f}", f"{overlap.min():.3f}",
            )  # fmt: skip
    Console(width=110).print(table)


if __name__ == "__main__":
    typer.run(main)
