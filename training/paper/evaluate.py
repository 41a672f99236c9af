"""Measure what was drawn: ``python -m training.paper.evaluate paper`` and ``... clips REAL DRAWN``.

The first scores every row of ``runs/paper/drawn.npz`` against the corpus's own videos and writes
tables, curves and frame strips. The second does the same for any two folders of videos with equal
names: somebody else's method, or an avatar of this engine.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, astuple
from pathlib import Path

import cv2
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from engine.errors import BadInput
from export.video_reading import is_video
from export.video_score import Scores
from training.data import data_folder
from training.paper.clips import grid, tcd_timit
from training.paper.generator import RUN as GENERATOR
from training.paper.lite import STAGE1 as LITE_STAGE1
from training.paper.lite_stage2 import DRAWN as LITE_DRAWN
from training.paper.measures import (
    Aligned,
    DiscriminatorFeatures,
    FrechetDistance,
    NetworkFeatures,
    RealClip,
    ShippedFeatures,
    as_crops,
    frechet_distances,
    measured,
    real_clip,
    scores,
    still,
    whole,
)
from training.paper.pretrained import FILES, Pretrained
from training.paper.report import draw_curves, markdown
from training.paper.rows import read_drawn
from training.paper.stage1 import RUN as STAGE1
from training.paper.stage2 import DRAWN

__all__ = ["Evaluation", "app", "table"]

log = logging.getLogger(__name__)
app = typer.Typer(add_completion=False)

OUT = Path("runs") / "paper" / "evaluation"
STILL = "still face"
_SHOWN = np.s_[88:232, 56:200]


class Evaluation:
    """Scores of rows over the clips of groups of people; what is measured is kept for FID."""

    def __init__(self) -> None:
        self.scores: dict[tuple[str, str], list[Scores]] = defaultdict(list)
        self.real: dict[str, list[NDArray[np.uint8]]] = defaultdict(list)
        self.drawn: dict[tuple[str, str], list[NDArray[np.uint8]]] = defaultdict(list)

    def add(self, group: str, real: RealClip, rows: dict[str, Aligned]) -> None:
        """One clip, drawn in several ways; the still face is added by itself."""
        self.real[group] += [picture for picture, _ in real.faces]
        for name, faces in ({STILL: still(real)} | rows).items():
            self.scores[group, name].append(scores(real, faces))
            self.drawn[group, name] += [picture for picture, _ in faces]

    def mean(self, group: str, row: str) -> Scores:
        """Over clips."""
        each = np.array([astuple(s) for s in self.scores[group, row]])
        return Scores(*each.mean(0).tolist())

    def results(self, features: NetworkFeatures | Path) -> dict[str, dict[str, object]]:
        """group -> row -> measures, for JSON."""
        out: dict[str, dict[str, object]] = {}
        for group, real in self.real.items():
            rows = {row: frames for (g, row), frames in self.drawn.items() if g == group}
            distances = frechet_distances(real, rows, features)
            out[group] = {
                row: {
                    "clips": len(self.scores[group, row]),
                    **self.mean(group, row).rounded(),
                    "fid": asdict(distance),
                }
                for row, distance in distances.items()
            }
        return out


def table(results: dict[str, object], title: str, baseline: dict[str, object] | None) -> Table:
    """Rows of one group. baseline: the same of another evaluation, to compare with."""
    made = Table("row", "PSNR", "SSIM", "FID", "LMD", "open LMD", "gap r", title=title)
    for name, row in results.items():
        distance = FrechetDistance(**row["fid"])  # type: ignore[index]
        cells = [f"{row[k]:.{d}f}" for k, d in _CELLS]  # type: ignore[index]
        cells.insert(2, f"{distance.value:.3g}")
        if baseline and name in baseline:
            other = baseline[name]
            farther = distance - FrechetDistance(**other["fid"])  # type: ignore[index]
            cells[2] += f" ({farther:+.3g})"
        made.add_row(name, *cells)
    return made


_CELLS = (("psnr", 2), ("ssim", 3), ("lmd", 2), ("open_lmd", 2), ("gap_r", 2))


@app.command("paper")
def paper(
    data: Path = typer.Option(data_folder(), "--data", help="The data folder."),  # noqa: B008
    corpus: Path | None = typer.Option(None, help="GRID or TCD-TIMIT, else the data's."),  # noqa: B008
    tcd: bool = typer.Option(False, "--tcd-timit", help="The corpus is TCD-TIMIT."),
    drawn: Path = typer.Option(DRAWN, help="What training.paper.stage2 drew."),  # noqa: B008
    generator: Path = typer.Option(GENERATOR, help="For the features of the Frechet distance."),  # noqa: B008
    lite: bool = typer.Option(False, "--lite", help="What was drawn by the generator that ships."),
    stage1: Path = typer.Option(STAGE1, help="Whose curves are drawn."),  # noqa: B008
    inception: Path | None = typer.Option(None, help="Inception-v3 weights for FID."),  # noqa: B008
    out: Path = typer.Option(OUT, help="Tables and pictures."),  # noqa: B008
) -> None:
    """Score the rows of the table."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if lite:
        drawn, stage1, out = LITE_DRAWN, LITE_STAGE1, OUT.with_name("evaluation-lite")
    out.mkdir(parents=True, exist_ok=True)
    frames, every, videos = read_drawn(drawn)
    names = list(dict.fromkeys(key.split("/", 1)[0] for key in frames))
    folder = corpus or data / "grid" / "clips"
    keys = sorted({key.split("/", 1)[1] for key in frames})
    clips = {c.key: c for c in (tcd_timit(folder) if tcd else grid(folder))}
    evaluation = Evaluation()
    for key in track(keys, description="clips"):
        clip = clips[key]
        real = real_clip(clip.video, every)
        found, rows = whole, {}
        if not videos:
            real, found = as_crops(real), measured
            side = next(iter(frames.values())).shape[1]
            rows[f"real at {side} pixels"] = measured(_coarse(real.faces, side), real)
        rows |= {
            name: found(frames[f"{name}/{key}"], real)
            for name in names
            if f"{name}/{key}" in frames
        }
        evaluation.add("strangers" if clip.speaker == "x" else clip.speaker, real, rows)
        _strip(out / f"{key}.jpg", {"real": real.faces} | rows)
    _finish(evaluation, _features(inception, generator), out, None)
    draw_curves(generator, stage1, out / "curves.png")


@app.command("clips")
def any_clips(
    real: Path = typer.Argument(help="A folder of real videos."),  # noqa: B008
    drawn: Path = typer.Argument(help="A folder of drawn ones with the same names."),  # noqa: B008
    generator: Path = typer.Option(GENERATOR, help="For the features of the Frechet distance."),  # noqa: B008
    inception: Path | None = typer.Option(None, help="Inception-v3 weights for FID."),  # noqa: B008
    baseline: Path | None = typer.Option(None, help="results.json of another evaluation."),  # noqa: B008
    out: Path = typer.Option(OUT.with_name("clips"), help="Tables and pictures."),  # noqa: B008
) -> None:
    """Score videos against real ones."""
    out.mkdir(parents=True, exist_ok=True)
    pairs = _pairs(real, drawn)
    evaluation = Evaluation()
    for path, other in track(pairs, description="clips"):
        truth, made = real_clip(path), real_clip(other)
        count = min(len(truth.faces), len(made.faces))
        truth = RealClip(truth.faces[:count], truth.rest)
        evaluation.add(real.name, truth, {drawn.name: made.faces[:count]})
        _strip(out / f"{path.stem}.jpg", {"real": truth.faces, drawn.name: made.faces[:count]})
    _finish(evaluation, _features(inception, generator), out, baseline)


def _coarse(faces: Aligned, side: int) -> list[NDArray[np.uint8]]:
    """The real crops as small as drawn ones: what no generator of that size can beat."""
    return [
        np.asarray(cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
        for p, _ in faces
    ]


def _pairs(real: Path, drawn: Path) -> list[tuple[Path, Path]]:
    """Videos of the same name. Raises BadInput where there are none."""
    found = {
        folder: {p.stem: p for p in sorted(folder.rglob("*")) if is_video(p)}
        for folder in (real, drawn)
    }
    common = [name for name in found[real] if name in found[drawn]]
    if not common:
        raise BadInput(
            f"{len(found[real])} videos in {real} and {len(found[drawn])} in {drawn} share "
            "no name, expected pairs like a.mp4 and a.mpg: rename them"
        )
    return [(found[real][name], found[drawn][name]) for name in common]


def _features(inception: Path | None, generator: Path) -> NetworkFeatures | Path:
    if inception is not None:
        return inception
    if not (generator / FILES[-1]).exists():
        return ShippedFeatures()
    nets = Pretrained.load(generator)
    return DiscriminatorFeatures(nets.discriminator, nets.generator.config.resolution)


def _finish(
    evaluation: Evaluation,
    features: NetworkFeatures | Path,
    out: Path,
    baseline: Path | None,
) -> None:
    results = evaluation.results(features)
    before = json.loads(baseline.read_text()) if baseline else {}
    console = Console(width=110)
    for group, rows in results.items():
        console.print(table(rows, group, before.get(group)))
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (out / "results.md").write_text(markdown(results))


def _strip(path: Path, rows: dict[str, Aligned], tiles: int = 8, side: int = 96) -> None:
    """One line of frames for each row, from brow to chin, with its name. The clip's silent ends are
    left out."""
    lines = []
    for name, faces in rows.items():
        chosen = np.linspace(0.15, 0.85, tiles) * (len(faces) - 1)
        line = np.hstack(
            [
                cv2.resize(faces[k][0][_SHOWN], (side, side), interpolation=cv2.INTER_AREA)
                for k in chosen.round().astype(int)
            ]
        )
        label = np.full((side, 190, 3), 255, np.uint8)
        _write(label, name)
        lines.append(np.hstack([label, line]))
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(lines), cv2.COLOR_RGB2BGR))


def _write(label: NDArray[np.uint8], text: str) -> None:
    """Words below each other."""
    lines: Sequence[str] = text.replace(", ", ",\n").split("\n")
    for n, line in enumerate(lines):
        at = (6, label.shape[0] // 2 - 10 * len(lines) + 20 * (n + 1))
        cv2.putText(label, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)


if __name__ == "__main__":
    app()
