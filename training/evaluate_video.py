"""Identity from video: an avatar from 45 clips of one speaker, measured on 15 others.

``python -m training.evaluate_video`` runs the export that users run (``export.video``) on the 60
GRID clips of speaker 1 as one video, holds the last quarter out, prints what was measured, and
leaves a strip of real and drawn frames.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from export.bundle import Identity
from export.video import VideoReport, export_video
from export.video_evaluation import Evaluation
from training.data import data_folder

__all__ = ["main", "strip"]


def strip(evaluation: Evaluation, columns: int = 8) -> NDArray[np.uint8]:
    """Real frames above drawn ones, from the widest mouth to a closed one: RGB."""
    order = np.argsort(-evaluation.gaps)
    # Denser where the mouth is open: that is where avatars differ.
    chosen = order[(np.linspace(0, 1, columns) ** 2 * (len(order) - 1)).astype(int)]
    rows = [np.hstack([row[k] for k in chosen]) for row in (evaluation.real, evaluation.drawn)]
    return np.asarray(np.vstack(rows), np.uint8)


def main(
    data: Path = typer.Option(data_folder(), help="The data folder."),  # noqa: B008
    held_out: float = typer.Option(0.25, help="Share of the clips, the last ones."),
    out: Path = typer.Option(Path("runs") / "evaluate_video", help="Where avatar and strip go."),  # noqa: B008
) -> None:
    """Print the table."""
    clips = sorted((data / "grid" / "clips").glob("s1_*.mpg"))
    who = Identity("s1", "s1", "GRID", "CC BY 4.0", "research")
    with Progress() as progress:
        task = progress.add_task("starting", total=1.0)
        made = export_video(
            clips, out / "s1.avatar", who, held_out=held_out,
            progress=lambda stage, share: progress.update(task, description=stage, completed=share),
        )  # fmt: skip
    assert isinstance(made, VideoReport)
    assert made.evaluation is not None
    table = Table("", "PSNR", "SSIM", "PSNR face", "LMD px", "open LMD px", "gap r")
    for name, s in (("still", made.evaluation.still), ("avatar", made.evaluation.avatar)):
        table.add_row(
            name, f"{s.psnr:.2f}", f"{s.ssim:.3f}", f"{s.face:.2f}", f"{s.lmd:.2f}",
            f"{s.open_lmd:.2f}", f"{s.gap_r:.3f}",
        )  # fmt: skip
    console = Console(width=110)
    console.print(*made.warnings, table, sep="\n")
    picture = cv2.cvtColor(strip(made.evaluation), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(out / "strip.png"), picture)


if __name__ == "__main__":
    typer.run(main)
