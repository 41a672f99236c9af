"""ICT FaceKit -> the mouth atlas: teeth and tongue as flat layers that the puppet draws from.

``python -m training.mouth_atlas`` renders the model's upper teeth, lower teeth and tongue from the
front, one picture each, lit softly from above, in neutral colours that the puppet later tints to
the photo.
"""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from export.mouth import ATLAS_FOLDER, LAYERS, PIXELS_PER_CM, Layer
from export.raster import interpolate, triangle_index
from training.data import data_folder
from training.landmark_basis import anchor_vertices, tongue_vertices

__all__ = ["build", "main"]

log = logging.getLogger(__name__)

_SIZE = 1024
_OVERSAMPLE = 3
_GUM_DEPTH = 2.6  # cm; gum further back only ever peeps over the teeth
_LIGHT = np.array([0.0, 0.45, 0.9]) / np.hypot(0.45, 0.9)
# Linear-ish reflectances, RGB.
_ENAMEL = np.array([0.93, 0.90, 0.84])
_GUM = np.array([0.74, 0.42, 0.42])
_TONGUE = np.array([0.80, 0.54, 0.52])


def _normals(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    a, b, c = (points[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    normal = np.zeros_like(points)
    for k in range(3):
        np.add.at(normal, triangles[:, k], face)
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)


def _without_gaps(rgba: NDArray[np.float32]) -> NDArray[np.float32]:
    """Close pinholes between teeth and gum; they show the dark. Premultiplied, ``[h, w, 4]``."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
    closed = cv2.morphologyEx(rgba[..., 3], cv2.MORPH_CLOSE, kernel)
    around = cv2.GaussianBlur(rgba, (0, 0), 5)
    fill = around[..., :3] / np.maximum(around[..., 3:], 1e-3) * 0.8
    missing = np.clip(closed - rgba[..., 3], 0, 1)[..., None]
    return np.dstack([rgba[..., :3] + fill * missing, closed]).astype(np.float32)


def _layer(
    points: NDArray[np.float64],
    triangles: NDArray[np.int64],
    colour: NDArray[np.float64],
    centre: NDArray[np.float64],
) -> Layer:
    """Render the triangles from the front around ``centre``; crop to what they cover."""
    a, b, c = (points[triangles[:, k], :2] for k in range(3))
    triangles = triangles[np.cross(b - a, c - a) > 0]  # seen from the front only
    size, ppc = _SIZE * _OVERSAMPLE, PIXELS_PER_CM * _OVERSAMPLE
    screen = np.stack([points[:, 0] - centre[0], centre[1] - points[:, 1]], 1) * ppc + size / 2
    normal = _normals(points, triangles)
    near = points[triangles[:, :]][:, :, 2].max() if len(triangles) else 0.0
    # Enamel is glossy and translucent: wrapped diffuse light, a small highlight, darker far back.
    diffuse = 0.62 + 0.38 * np.clip(normal @ _LIGHT, 0, 1)
    gloss = 0.16 * np.clip(normal @ np.array([0.0, 0.25, 0.968]), 0, 1) ** 40
    depth = np.exp(-np.clip(near - points[:, 2], 0, None) / 3.2)
    shade = colour * (diffuse * depth)[:, None] + gloss[:, None]
    index = triangle_index(screen, triangles, size, depth=points[:, 2])
    rgb = interpolate(index, screen, triangles, shade)
    rgba = np.dstack([rgb, (index >= 0).astype(np.float32)])
    rgba = cv2.resize(rgba, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA)
    rgba = _without_gaps(rgba)
    ys, xs = np.nonzero(rgba[..., 3] > 0.01)
    x0, x1, y0, y1 = xs.min() - 2, xs.max() + 3, ys.min() - 2, ys.max() + 3
    crop = rgba[y0:y1, x0:x1]
    crop[..., :3] /= np.maximum(crop[..., 3:], 1e-4)
    origin = np.array([_SIZE / 2 - x0, _SIZE / 2 - y0], np.float32)
    return Layer(crop.clip(0, 1).astype(np.float32), origin)


def build(facekit: Path, folder: Path = ATLAS_FOLDER) -> None:
    """Write one RGBA picture a layer; the anchor's pixel is in the file's name-keyed JSON."""
    with np.load(facekit, allow_pickle=False) as z:
        points = z["neutral"].astype(np.float64)
        triangles = z["triangles"].astype(np.int64)
        tongue = tongue_vertices(z["neutral"], z["triangles"], z["uv_triangles"])
    kind = {"upper_teeth": (17039, 19247), "lower_teeth": (19247, 21451)}
    anchors = anchor_vertices(points, tongue)
    gum = np.setdiff1d(np.arange(14062, 17039), tongue)
    middle = (points[17039:19247, 1].mean() + points[19247:21451, 1].mean()) / 2
    colour = np.tile(_ENAMEL, (len(points), 1))
    colour[14062:17039] = _GUM
    colour[tongue] = _TONGUE
    layers: dict[str, Layer] = {}
    for name in LAYERS:
        if name == "tongue":
            members = tongue
        else:
            teeth = np.arange(*kind[name])
            front = gum[points[gum, 2] > points[teeth, 2].max() - _GUM_DEPTH]
            side = front[(points[front, 1] > middle) == (name == "upper_teeth")]
            members = np.concatenate([teeth, side])
        chosen = np.isin(triangles, members).all(1)
        layers[name] = _layer(points, triangles[chosen], colour, points[anchors[name]].mean(0))
        log.info("%s: %s", name, layers[name].rgba.shape)
    Layer.save_all(layers, folder)


def main(data: Path = typer.Option(data_folder(), help="The data folder.")) -> None:  # noqa: B008
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    build(data / "facekit" / "ict_facekit.npz")


if __name__ == "__main__":
    typer.run(main)
