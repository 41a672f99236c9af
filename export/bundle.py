"""Write a ``.avatar`` bundle (read by ``engine.avatar``)."""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.avatar import SCHEMA, Avatar, read_manifest
from engine.face import FIELDS, PICTURE
from engine.teeth import Teeth

__all__ = ["Identity", "with_part", "write_bundle"]

_PREVIEW, _THUMBNAIL = 384, 192


@dataclass(frozen=True)
class Identity:
    """What a bundle says about whom it shows. rights: the statement given at export."""

    name: str
    title: str
    source: str
    licence: str
    rights: str


def _png(image: NDArray[np.uint8]) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def _scaled(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _thumbnail(image: NDArray[np.uint8]) -> bytes:
    bgr = cv2.cvtColor(_scaled(image, _THUMBNAIL), cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()


def _mouth(matrix: NDArray[np.float64]) -> list[int]:
    """Where the mouth may be, ``[x0, y0, x1, y1]`` frame pixels."""
    corners = np.array([[0.34, 0.50, 1], [0.66, 0.50, 1], [0.34, 0.76, 1], [0.66, 0.76, 1]])
    frame = corners @ matrix.T
    return [int(v) for v in (*frame.min(0).round(), *frame.max(0).round())]


def write_bundle(
    path: Path,
    identity: Identity,
    photo: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    teeth: Teeth,
    model: bytes,
    generator: dict[str, Any],
    head: NDArray[np.float64] | None = None,
) -> Avatar:
    """Write the bundle and load it back as a user would.

    photo: ``[H, W, 3]`` uint8 RGB frame. matrix: ``[2, 3]`` canvas unit square to frame pixels.
    teeth: layers in its pixels. model: ``face.onnx``.
    generator: the family and its facts, ``{"family", "size", ...}``.
    head: ``[2, 3]``, the eye-aligned square (``export.align.canvas_matrix``) if the canvas is
    another.
    """
    height, width = photo.shape[:2]
    parts = {
        "face.onnx": model,
        "photo.png": _png(photo),
        "teeth.png": teeth.png(),
        "preview.png": _png(_scaled(photo, _PREVIEW)),
        "thumbnail.jpg": _thumbnail(photo),
    }
    size = int(generator["size"])
    lite = generator["family"] == "lite"
    fields, jaw = (FIELDS, {"jaw": [1, 2]}) if lite else (PICTURE, {})
    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "name": identity.name,
        "title": identity.title,
        "fps": 25,
        "frame": {
            "width": width,
            "height": height,
            "mouth": _mouth(matrix if head is None else head),
        },
        "canvas": {"size": size, "matrix": matrix.tolist()}
        | ({} if head is None else {"head": head.tolist()}),
        "teeth": {"origin": teeth.origin.tolist()},
        "generator": generator,
        "models": {
            "face.onnx": {
                "inputs": {"face": [1, 52]},
                "outputs": {name: [1, n, size, size] for name, n in fields.items()} | jaw,
            }
        },
        "source": identity.source,
        "licence": identity.licence,
        "rights": identity.rights,
        "made_with": {
            name: metadata.version(name)
            for name in ("avatar-engine", "mediapipe", "onnx", "torch")
            if name == "avatar-engine" or name in sys.modules  # torch takes no part in `fast`
        },
        "parts": {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()},
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest, indent=1))
        for name, data in parts.items():
            # Pictures are packed already; weights hardly shrink.
            archive.writestr(name, data)
    return Avatar.load(path)


def with_part(source: Path, out: Path, name: str, data: bytes, described: dict[str, Any]) -> Avatar:
    """Write ``source`` again with an optional part more, or another one in its place.

    described: what the manifest says of the part under ``models``. Raises BadBundle for a source
    that is no good bundle.
    """
    manifest = read_manifest(source)
    manifest["parts"] = manifest["parts"] | {name: hashlib.sha256(data).hexdigest()}
    manifest["models"] = manifest.get("models", {}) | {name: described}
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(out, "w") as written:
        written.writestr("manifest.json", json.dumps(manifest, indent=1))
        for entry in archive.namelist():
            if entry not in ("manifest.json", name):
                written.writestr(entry, archive.read(entry))
        written.writestr(name, data)
    return Avatar.load(out)
