"""Self-reenactment of video clips: how much of a real talking face an avatar reproduces.

``python -m training.evaluate_face`` exports an avatar from the first closed-mouth frame of each
clip, drives it with the tracked motion and with the clip's own sound, and compares with the real
frames under the protocol of ``export.video_score``: aligned by the eyes, PSNR, SSIM and the
distance of the outer lips over the 40 % of frames with the widest real gap. r is the correlation of
the lip gap, slope how much of it the drawn frames show. The still photo is the floor; the puppet,
with the same tracked motion, is what the generator was taught by.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from engine.audio import decode
from engine.avatar import Avatar
from engine.motion import Motion
from engine.pipeline import Pipeline
from engine.speech import SpeechModel
from export.bundle import Identity
from export.fit import track_from_rest
from export.identity import export_identity
from export.landmarks import OUTER_LIPS, FaceMesh, lip_gap, mouth_width
from export.puppet import CLOSED_GAP
from export.rest import at_rest
from export.video_score import SCORED, aligned, psnr, ssim
from training.data import data_folder

__all__ = ["Clip", "load_clip", "main"]

log = logging.getLogger(__name__)

_OPEN_SHARE = 0.4
Frames = Sequence[NDArray[np.uint8]]


@dataclass(frozen=True)
class Clip:
    """frames: ``[H, W, 3]`` uint8 RGB. landmarks: ``[T, 478, 3]``. rest: where the mouth is
    closed."""

    path: Path
    frames: list[NDArray[np.uint8]]
    landmarks: NDArray[np.float32]
    rest: int


@dataclass(frozen=True)
class Scores:
    """Means over open frames, but for r, slope and lag (frames), which are over the clip."""

    psnr: float
    ssim: float
    lmd: float
    gap_r: float
    slope: float
    width_r: float
    lag: float


def load_clip(path: Path) -> Clip:
    """Read and track a clip; frames without a face take the landmarks of the frame before."""
    video = cv2.VideoCapture(str(path))
    frames, landmarks = [], []
    with FaceMesh(video=True) as mesh:
        while True:
            read, frame = video.read()
            if not read:
                break
            rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            found = mesh.detect(rgb)
            frames.append(rgb)
            landmarks.append(found if found is not None else landmarks[-1])
    stacked = np.stack(landmarks)
    gaps = lip_gap(stacked)
    closed = np.flatnonzero(gaps < CLOSED_GAP)
    rest = int(closed[0]) if len(closed) else int(np.argmin(gaps))
    return Clip(path, frames, stacked, rest)


def _crops(
    frames: Frames, landmarks: NDArray[np.float32]
) -> tuple[list[NDArray[np.uint8]], NDArray[np.float64]]:
    pairs = [aligned(f, lm) for f, lm in zip(frames, landmarks, strict=True)]
    return [p[0] for p in pairs], np.stack([p[1] for p in pairs])


def _measured(frames: Frames, fallback: NDArray[np.float32]) -> NDArray[np.float32]:
    """Landmarks found on drawn frames, as on the real ones."""
    out: list[NDArray[np.float32]] = []
    with FaceMesh(video=True) as mesh:
        for frame in frames:
            found = mesh.detect(frame)
            out.append(found if found is not None else (out[-1] if out else fallback))
    return np.stack(out)


def score(
    real: tuple[list[NDArray[np.uint8]], NDArray[np.float64]],
    drawn: tuple[list[NDArray[np.uint8]], NDArray[np.float64]],
) -> Scores:
    """Compare aligned crops and their landmarks."""
    gaps = lip_gap(real[1])
    chosen = np.argsort(-gaps)[: max(1, round(_OPEN_SHARE * len(gaps)))]
    pairs = [(real[0][k][SCORED], drawn[0][k][SCORED]) for k in chosen]
    lips = list(OUTER_LIPS)
    distance = np.linalg.norm(real[1][chosen][:, lips] - drawn[1][chosen][:, lips], axis=-1)
    made = lip_gap(drawn[1])
    lags = {k: _correlation(gaps, np.roll(made, -k)) for k in range(-5, 6)}
    return Scores(
        float(np.mean([psnr(a, b) for a, b in pairs])),
        float(np.mean([ssim(a, b) for a, b in pairs])),
        float(distance.mean()),
        _correlation(gaps, made),
        float(np.polyfit(gaps, made, 1)[0]),
        _correlation(mouth_width(real[1]), mouth_width(drawn[1])),
        max(lags, key=lambda k: lags[k]),
    )


def _correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if np.std(b) > 1e-6 else 0.0


def _spoken(pipeline: Pipeline, path: Path, count: int) -> list[Motion]:
    state = pipeline.initial_state()
    motions = []
    for chunk in decode(path):
        made, state = pipeline.listen(chunk, state)
        motions += made
    motions += pipeline.finish(state)
    faces = [m.motion for m in motions[:count]]
    return faces + [faces[-1]] * (count - len(faces))


def evaluate(
    clip: Clip, avatar: Avatar, sheet: Callable[[str, list[NDArray[np.uint8]]], None]
) -> dict[str, Scores]:
    """Scores of the still photo, of puppet and avatar with tracked motion, of the clip's sound."""
    head = np.zeros(3, np.float32)
    tracked = [
        Motion(f.face.astype(np.float32), head)
        for f in track_from_rest(clip.landmarks, clip.landmarks[clip.rest])
    ]
    pipeline = Pipeline(avatar, SpeechModel.load(), liveliness=0.0)
    spoken = _spoken(pipeline, clip.path, len(clip.frames))
    real = _crops(clip.frames, clip.landmarks)
    still = aligned(clip.frames[clip.rest], clip.landmarks[clip.rest])
    n = len(clip.frames)
    results = {"still": score(real, ([still[0]] * n, np.stack([still[1]] * n)))}
    with FaceMesh() as mesh:
        photo = mesh.detect(avatar.photo)
    assert photo is not None
    puppet = at_rest(avatar.photo, photo)
    size = avatar.face.size
    still_head = Motion().head
    runs = {
        "puppet": [
            avatar.compositor.draw(puppet.canvas(m.face, size), still_head) for m in tracked
        ],
        "tracked": [pipeline.draw(m) for m in tracked],
        "sound": [pipeline.draw(m) for m in spoken],
    }
    for name, frames in runs.items():
        drawn = _crops(frames, _measured(frames, photo))
        results[name] = score(real, drawn)
        sheet(name, drawn[0])
    sheet("real", real[0])
    return results


def main(
    clips: Annotated[
        list[Path] | None, typer.Argument(help="Videos; the data folder's strangers by default.")
    ] = None,
    data: Path = typer.Option(data_folder(), help="The data folder."),  # noqa: B008
    quality: str = typer.Option("best", help="Of the export: fast or best."),
    pictures: Path = typer.Option(Path("runs") / "evaluate_face", help="Where contact sheets go."),  # noqa: B008
) -> None:
    """Print the table."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    pictures.mkdir(parents=True, exist_ok=True)
    table = Table("clip", "driven by", "PSNR", "SSIM", "LMD px", "gap r", "slope", "width r", "lag")
    scores: dict[str, list[Scores]] = {}
    for path in clips or sorted((data / "grid" / "clips").glob("x_*.mpg")):
        clip = load_clip(path)
        strips: dict[str, NDArray[np.uint8]] = {}

        def sheet(
            name: str, crops: list[NDArray[np.uint8]], keep: dict[str, NDArray[np.uint8]] = strips
        ) -> None:
            keep[name] = np.hstack(crops[4::9][:8])

        with tempfile.TemporaryDirectory() as folder:
            photo = Path(folder) / "rest.png"
            cv2.imwrite(str(photo), cv2.cvtColor(clip.frames[clip.rest], cv2.COLOR_RGB2BGR))
            who = Identity(path.stem, path.stem, "GRID", "CC BY 4.0", "research")
            made = export_identity(photo, Path(folder) / "x.avatar", who, quality=quality)
        for name, s in evaluate(clip, made.avatar, sheet).items():
            table.add_row(path.stem, name, *_cells(s))
            scores.setdefault(name, []).append(s)
        rows = np.vstack([strips[k] for k in ("real", "puppet", "tracked", "sound")])
        cv2.imwrite(str(pictures / f"{path.stem}.png"), cv2.cvtColor(rows, cv2.COLOR_RGB2BGR))
    for name, each in scores.items():
        mean = Scores(*np.mean([astuple(s) for s in each], axis=0))
        table.add_row("mean", name, *_cells(mean))
    Console(width=110).print(table)


def _cells(s: Scores) -> tuple[str, ...]:
    measures = (f"{s.psnr:.2f}", f"{s.ssim:.3f}", f"{s.lmd:.2f}")
    return (*measures, f"{s.gap_r:.3f}", f"{s.slope:.2f}", f"{s.width_r:.3f}", f"{s.lag:+.1f}")


if __name__ == "__main__":
    typer.run(main)
