"""ICT FaceKit -> the landmark basis that export ships.

``python -m training.landmark_basis`` reads ``facekit/ict_facekit.npz`` (ICT Face Model Light, MIT) and
keeps of its 26719 vertices the 468 below the MediaPipe landmarks and three anchors inside the mouth, so
that neither export nor run time ever needs the 3D model.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

from engine.motion import ARKIT
from export.basis import ANCHORS, BASIS_PATH
from training.data import data_folder

__all__ = ["build", "main"]

log = logging.getLogger(__name__)

# Vertex ranges of the model, from its documentation; the tongue is the middle of the gum range.
_UPPER_TEETH = slice(17039, 19247)
_LOWER_TEETH = slice(19247, 21451)
_GUMS_AND_TONGUE = slice(14062, 17039)


def _arkit_expression(shapes: NDArray[np.float32], names: list[str]) -> NDArray[np.float32]:
    """Reorder ``[53, V, 3]`` ICT shapes to ``[52, V, 3]`` in ARKit's order and spelling.

    ICT splits browInnerUp and cheekPuff into halves (their sum is ARKit's shape) and has no tongueOut,
    which stays zero: the tongue is a layer of the mouth atlas.
    """
    index = {name: i for i, name in enumerate(names)}
    out = np.zeros((len(ARKIT), *shapes.shape[1:]), np.float32)
    for k, name in enumerate(ARKIT):
        if name == "tongueOut":
            continue
        stem = name.removesuffix("Left").removesuffix("Right")
        if name in index:
            out[k] = shapes[index[name]]
        elif stem != name:
            out[k] = shapes[index[f"{stem}_{name[len(stem)]}"]]
        else:
            out[k] = shapes[index[f"{name}_L"]] + shapes[index[f"{name}_R"]]
    return out


def tongue_vertices(neutral: NDArray[np.float32]) -> NDArray[np.intp]:
    """Indices of the tongue: gum-range vertices that lie low, near the middle and inside the arch."""
    v = neutral[_GUMS_AND_TONGUE]
    inside = (v[:, 1] < -2.8) & (np.abs(v[:, 0]) < 2.1)
    return np.flatnonzero(inside) + _GUMS_AND_TONGUE.start


def build(facekit: Path, out: Path = BASIS_PATH) -> None:
    """Write the basis: float16 arrays in cm, x right, y up, z towards the viewer."""
    with np.load(facekit, allow_pickle=False) as z:
        neutral = z["neutral"]
        identity = z["identity"].astype(np.float32)
        expression = _arkit_expression(z["expression"].astype(np.float32), list(z["expression_names"]))
        below = z["mesh_vertex_below_landmark"]
    tongue = tongue_vertices(neutral)
    groups = {"upper_teeth": _UPPER_TEETH, "lower_teeth": _LOWER_TEETH, "tongue": tongue}

    def with_anchors(field: NDArray[np.float32]) -> NDArray[np.float16]:
        anchors = [field[..., groups[name], :].mean(-2) for name in ANCHORS]
        return np.concatenate([field[..., below, :], np.stack(anchors, -2)], -2).astype(np.float16)

    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        out,
        neutral=with_anchors(neutral),
        identity=with_anchors(identity),
        expression=with_anchors(expression),
    )
    log.info("%s: %d landmarks, %.0f kB", out.name, len(below), out.stat().st_size / 1e3)


def main(data: Path = typer.Option(data_folder(), help="The data folder.")) -> None:  # noqa: B008
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    build(data / "facekit" / "ict_facekit.npz")


if __name__ == "__main__":
    typer.run(main)
