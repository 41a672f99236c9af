"""How near a made portrait is to any real one, by a face recogniser of other make.

Metric: dlib's face_recognition_resnet_model_v1 (King, 2017; 128-d, trained so that one person's
pictures lie within a Euclidean distance of 0.6), with the 5-point landmarks and models of the
``face_recognition_models`` package. Measurement only: dlib is no dependency, so this file imports
nothing of the project and runs by itself:

    pip install "setuptools<81" numpy dlib-bin face_recognition_models      # in an environment of
    its own python training/builtin/likeness.py PORTRAITS MADE --out
    runs/builtin/likeness.json
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["distances", "embed", "nearest", "spread"]

log = logging.getLogger("likeness")


def embed(paths: list[Path]) -> dict[str, NDArray[np.float64]]:
    """128-d embedding of the largest face of each picture, by file stem, where there is one."""
    import dlib
    import face_recognition_models as models

    detector = dlib.get_frontal_face_detector()
    landmarks = dlib.shape_predictor(models.pose_predictor_five_point_model_location())
    network = dlib.face_recognition_model_v1(models.face_recognition_model_location())
    found = {}
    for path in paths:
        image = dlib.load_rgb_image(str(path))
        faces = detector(image, 0) or detector(image, 1)
        if not faces:
            log.warning("no face in %s", path.name)
            continue
        face = max(faces, key=lambda box: box.area())
        vector = network.compute_face_descriptor(image, landmarks(image, face))
        found[path.stem] = np.array(vector)
    return found


def distances(
    one: NDArray[np.float64], many: Mapping[str, NDArray[np.float64]]
) -> dict[str, float]:
    """Euclidean distance of an embedding to each of many, nearest first."""
    found = {name: float(np.linalg.norm(one - other)) for name, other in many.items()}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def nearest(one: NDArray[np.float64], many: Mapping[str, NDArray[np.float64]]) -> tuple[str, float]:
    """Name and distance of the nearest embedding."""
    return next(iter(distances(one, many).items()))


def spread(many: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Distances of different people: median, 5th percentile, median to one's nearest."""
    table = np.stack(list(many.values()))
    apart = np.linalg.norm(table[:, None] - table[None], axis=-1)
    pairs = apart[np.triu_indices(len(table), 1)]
    np.fill_diagonal(apart, np.inf)
    return {
        "median": float(np.median(pairs)),
        "p5": float(np.percentile(pairs, 5)),
        "nearest": float(np.median(apart.min(1))),
    }


def _cached(folder: Path, cache: Path) -> dict[str, NDArray[np.float64]]:
    if cache.exists():
        with np.load(cache) as file:
            return {name: file[name] for name in file.files}
    found = embed(sorted(folder.glob("*.jpg")))
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.savez(cache, **found)
    return found


def main() -> None:
    """Measure every picture of a folder against every portrait and write the table as JSON."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("portraits", type=Path)
    parser.add_argument("made", type=Path, help="folder with NAME.png and recipes.json")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    people = _cached(args.portraits, args.out.with_name("embeddings.npz"))
    recipes: dict[str, dict[str, Any]] = json.loads((args.made / "recipes.json").read_text())
    rows = {}
    made = embed([args.made / f"{name}.png" for name in recipes])
    for name, vector in made.items():
        used = recipes[name]
        sources = {n: people[n] for n in used["sources"] if n in people}
        group = {n: people[n] for n in used["faces"] if n in people}
        rows[name] = {
            "people": len(sources),
            "nearest source": nearest(vector, sources),
            "donor": float(np.linalg.norm(vector - people[used["donor"]])),
            "nearest of all": nearest(vector, people),
            "group": spread(group),
        }
        log.info("%s %s", name, rows[name])
    report = {"portraits": len(people), "everyone": spread(people), "made": rows}
    args.out.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
