"""``python -m training.builtin``: make the built-in portraits, then export them."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import typer
from rich.progress import Progress

from export.landmarks import FaceMesh
from training.builtin.portrait import make_portrait
from training.builtin.recipes import RECIPES
from training.data import data_folder

log = logging.getLogger(__name__)

OUT = Path("runs") / "builtin"
AVATARS = Path(__file__).resolve().parents[2] / "engine" / "resources" / "avatars"
app = typer.Typer(add_completion=False)


@app.command()
def portraits(
    names: list[str] = typer.Argument(None, help="Which ones; all without."),  # noqa: B008
    data: Path = typer.Option(data_folder(), help="The data folder."),  # noqa: B008
) -> None:
    """Write NAME.png, recipes.json and a contact sheet to runs/builtin."""
    OUT.mkdir(parents=True, exist_ok=True)
    with FaceMesh() as mesh, Progress() as progress:
        for name in progress.track(names or list(RECIPES), description="portraits"):
            picture = make_portrait(RECIPES[name], data / "portraits", mesh)
            cv2.imwrite(str(OUT / f"{name}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    facts = {n: asdict(r) | {"sources": r.sources} for n, r in RECIPES.items()}
    (OUT / "recipes.json").write_text(json.dumps(facts, indent=1))
    _contact_sheet()


@app.command()
def export(
    names: list[str] = typer.Argument(None, help="Which ones; all without."),  # noqa: B008
    quality: str = typer.Option("best", help="A tuning plan of export.tune."),
    out: Path = typer.Option(AVATARS, help="Where the bundles go."),  # noqa: B008
) -> None:
    """Export runs/builtin/NAME.png to bundles; finished ones are kept."""
    from export.bundle import Identity
    from export.identity import export_identity

    with Progress() as progress:
        for name in names or list(RECIPES):
            bundle = out / f"{name}.avatar"
            if bundle.exists():
                log.info("%s exists and is kept", bundle.name)
                continue
            recipe = RECIPES[name]
            count = len({*recipe.sources, recipe.donor})
            identity = Identity(
                name=name,
                title=recipe.title,
                source=f"blend of {count} public-domain US government portraits",
                licence="Apache-2.0 (made from public-domain material)",
                rights="depicts nobody",
            )
            bar = progress.add_task(name, total=1.0)
            report = export_identity(
                OUT / f"{name}.png",
                bundle,
                identity,
                quality=quality,
                progress=lambda stage, share, bar=bar, name=name: progress.update(
                    bar, completed=share, description=f"{name}: {stage}"
                ),
            )
            for warning in report.warnings:
                log.warning("%s: %s", name, warning)


def _contact_sheet(side: int = 384) -> None:
    made = [cv2.imread(str(OUT / f"{n}.png")) for n in RECIPES]
    tiles = [
        cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA) for p in made if p is not None
    ]
    columns = 4
    blank = np.zeros_like(tiles[0])
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)]
    cv2.imwrite(str(OUT / "contact_sheet.png"), np.vstack(rows))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    app()
