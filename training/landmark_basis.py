"""ICT FaceKit -> the landmark basis that export ships.

``python -m training.landmark_basis`` reads ``facekit/ict_facekit.npz`` (ICT Face Model Light, MIT)
and keeps of its 26719 vertices the 468 below the MediaPipe landmarks and three anchors inside the
mouth, so that neither export nor run time ever needs the 3D model.
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

    ICT splits browInnerUp and cheekPuff into halves (their sum is ARKit's shape) and has no
    tongueOut,
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


def tongue_vertices(
    neutral: NDArray[np.float32], triangles: NDArray[np.int32], uv_triangles: NDArray[np.int32]
) -> NDArray[np.intp]:
    """Indices of the tongue: the islands of the gum range's UV map that lie low and inside the
    arch."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    range_ = _GUMS_AND_TONGUE
    inside = (triangles[:, 0] >= range_.start) & (triangles[:, 0] < range_.stop)
    uv, mesh = uv_triangles[inside], triangles[inside]
    edges = (np.r_[uv[:, 0], uv[:, 1]], np.r_[uv[:, 1], uv[:, 2]])
    count = int(uv_triangles.max()) + 1
    graph = coo_matrix((np.ones(len(edges[0])), edges), (count, count))
    island = connected_components(graph, directed=False)[1][uv[:, 0]]
    found = []
    for k in np.unique(island):
        vertices = np.unique(mesh[island == k])
        x, y = neutral[vertices, 0], neutral[vertices, 1]
        if y.max() < -2.8 and np.abs(x).max() < 2.1:
            found.append(vertices)
    return np.unique(np.concatenate(found))


def anchor_vertices(
    neutral: NDArray[np.float32], tongue: NDArray[np.intp]
) -> dict[str, NDArray[np.intp]]:
    """Vertices whose mean is an anchor: the incisors (the jaw turns, its back teeth hardly move),
    the tongue."""
    groups = {"tongue": tongue}
    for name, teeth in (("upper_teeth", _UPPER_TEETH), ("lower_teeth", _LOWER_TEETH)):
        z = neutral[teeth, 2]
        groups[name] = np.flatnonzero(z > np.quantile(z, 0.85)) + teeth.start
    return groups


def mesh_triangles(neutral: NDArray[np.float32]) -> NDArray[np.int16]:
    """``[T, 3]`` triangles of MediaPipe's face tesselation, wound alike; mouth and eyes are holes.

    MediaPipe publishes edges only; a triangle is three points that are all joined, and where an
    edge would then have three neighbours the largest triangle is the false one.
    """
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_TESSELATION

    joined: dict[int, set[int]] = {}
    for a, b in FACEMESH_TESSELATION:
        joined.setdefault(a, set()).add(b)
        joined.setdefault(b, set()).add(a)
    found = {
        tuple(sorted((a, b, c))) for a in joined for b in joined[a] for c in joined[a] & joined[b]
    }
    area = {
        t: float(np.linalg.norm(np.cross(*(neutral[list(t[1:])] - neutral[t[0]])))) for t in found
    }
    edges: dict[tuple[int, int], list[tuple[int, ...]]] = {}
    for t in sorted(found):
        for edge in ((t[0], t[1]), (t[0], t[2]), (t[1], t[2])):
            edges.setdefault(edge, []).append(t)
    for sharing in edges.values():
        if len(sharing) > 2:
            found.discard(max(sharing, key=lambda t: area[t]))
    triangles = np.array(sorted(found), np.int16)
    a, b, c = (neutral[triangles[:, k], :2] for k in range(3))
    flipped = np.cross(b - a, c - a) < 0
    triangles[flipped] = triangles[flipped][:, ::-1]
    return triangles


def build(facekit: Path, out: Path = BASIS_PATH) -> None:
    """Write the basis: float16 arrays in cm, x right, y up, z towards the viewer."""
    with np.load(facekit, allow_pickle=False) as z:
        neutral = z["neutral"]
        identity = z["identity"].astype(np.float32)
        expression = _arkit_expression(
            z["expression"].astype(np.float32), list(z["expression_names"])
        )
        below = z["mesh_vertex_below_landmark"]
        tongue = tongue_vertices(neutral, z["triangles"], z["uv_triangles"])
    groups = anchor_vertices(neutral, tongue)

    def with_anchors(field: NDArray[np.float32]) -> NDArray[np.float16]:
        anchors = [field[..., groups[name], :].mean(-2) for name in ANCHORS]
        return np.concatenate([field[..., below, :], np.stack(anchors, -2)], -2).astype(np.float16)

    triangles = mesh_triangles(neutral[below])
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        out,
        neutral=with_anchors(neutral),
        identity=with_anchors(identity),
        expression=with_anchors(expression),
        triangles=triangles,
    )
    log.info("%s: %d landmarks, %.0f kB", out.name, len(below), out.stat().st_size / 1e3)


def main(data: Path = typer.Option(data_folder(), help="The data folder.")) -> None:  # noqa: B008
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    build(data / "facekit" / "ict_facekit.npz")


if __name__ == "__main__":
    typer.run(main)
