"""The evaluation as a page: Markdown tables, the paper's figures beside ours, training curves."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["PUBLISHED", "draw_curves", "markdown"]

# Alghamdi et al. (ACM MM 2022), poster: PSNR, SSIM, FID (Inception), LMD under a protocol that is
# not described.
PUBLISHED: dict[str, dict[str, tuple[float, float, float | None, float]]] = {
    "GRID": {"proposed": (20.33, 0.65, 5.30, 2.18)},
    "TCD-TIMIT": {
        "proposed": (20.55, 0.65, 8.11, 2.18),
        "without L_latent": (20.57, 0.65, None, 2.30),
        "without L_lpips": (20.78, 0.66, None, 2.75),
        "stage 1 only": (17.55, 0.49, None, 2.37),
    },
}
_HEAD = ("row", "PSNR", "SSIM", "FID", "LMD", "open LMD", "gap r")


def markdown(results: Mapping[str, Mapping[str, Any]]) -> str:
    """One table for each group of people, one for what is published."""
    parts = []
    for group, rows in results.items():
        first = next(iter(rows.values()))
        features, frames = first["fid"]["features"], first["fid"]["frames"]
        parts.append(f"**{group}**, {first['clips']} clips, {frames} frames; FID of {features}\n")
        lines = [
            (
                name, f"{row['psnr']:.2f}", f"{row['ssim']:.3f}", f"{row['fid']['value']:.3g}",
                f"{row['lmd']:.2f}", f"{row['open_lmd']:.2f}", f"{row['gap_r']:.2f}",
            )
            for name, row in rows.items()
        ]  # fmt: skip
        parts.append(_table(_HEAD, lines))
    lines = [
        (f"{corpus}, {name}", f"{a:.2f}", f"{b:.2f}", "" if c is None else f"{c:.2f}", f"{d:.2f}")
        for corpus, rows in PUBLISHED.items()
        for name, (a, b, c, d) in rows.items()
    ]
    parts.append("**As published**, FID of Inception\n")
    parts.append(_table(_HEAD[:5], lines))
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def draw_curves(generator: Path, stage1: Path, out: Path) -> bool:
    """Reconstruction by the generator, losses of stage 1; False where nothing was kept."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    runs = {p.parent.name: _columns(p) for p in sorted(stage1.glob("*/curves.csv"))}
    runs = {name: columns for name, columns in runs.items() if "latent" in columns}
    psnr = generator / "psnr.csv"
    if not runs and not psnr.exists():
        return False
    panels = [bool(runs)] * 2 + [psnr.exists()]
    figure, axes = pyplot.subplots(
        1, sum(panels), figsize=(4 * sum(panels), 3.2), layout="constrained", squeeze=False
    )
    for n, (name, columns) in enumerate(runs.items()):
        latent, lpips = axes[0, :2]
        latent.plot(columns["step"], columns["latent"], color=f"C{n}", label=name)
        latent.plot(columns["step"], columns["held out"], "--", color=f"C{n}")
        latent.set(title="stage 1: L_latent a frame (dashed: held out)")
        if "lpips" in columns:
            lpips.plot(columns["step"], columns["lpips"], color=f"C{n}", label=name)
        lpips.set(title="stage 1: L_lpips a frame")
        latent.legend(fontsize=7)
        lpips.legend(fontsize=7)
    if psnr.exists():
        columns = _columns(psnr)
        axes[0, -1].plot(columns["step"], columns["psnr"], "o-", color="black", markersize=3)
        axes[0, -1].set(title="generator: reconstruction, dB")
    for axis in axes[0]:
        axis.set(xlabel="step")
        axis.grid(alpha=0.3)
    figure.savefig(out, dpi=110)
    pyplot.close(figure)
    return True


def _columns(path: Path) -> dict[str, list[float]]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        name: [float(row[name]) for row in rows]
        for name in (rows[0] if rows else {})
        if all(row[name] for row in rows)
    }
