"""Avatars: the ``.avatar`` bundle, verified and loaded.

A bundle is a zip of five parts, a sixth for GPUs where it was asked for, and a manifest. Nothing in
it is code, nothing is trusted: names, sizes, hashes and the schema are checked before any part is
decoded.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.compositor import Compositor
from engine.errors import BadBundle, BadInput
from engine.face import FaceModel
from engine.teeth import Teeth

__all__ = [
    "OPTIONAL",
    "PARTS",
    "SCHEMA",
    "Avatar",
    "builtin_avatars",
    "find_avatar",
    "read_manifest",
]

SCHEMA = 2
PARTS = ("face.onnx", "photo.png", "teeth.png", "preview.png", "thumbnail.jpg")
OPTIONAL = ("frame.onnx",)  # the GPU form
_MANIFEST = "manifest.json"
_PART_LIMIT = 64 << 20
_MANIFEST_LIMIT = 1 << 20
_BUILTIN = Path(__file__).parent / "resources" / "avatars"
_SIDE_LEAST, _SIDE_MOST = 64, 4096


@dataclass(frozen=True)
class Avatar:
    """A loaded avatar; immutable, shared by all sessions that show it.

    matrix: ``[2, 3]``, the canvas's unit square to frame pixels. photo: ``[H, W, 3]`` uint8 RGB.
    frame: ``frame.onnx``, motion to frame for a GPU (``engine.devices``); None without it.
    """

    name: str
    title: str
    manifest: dict[str, Any]
    photo: NDArray[np.uint8]
    matrix: NDArray[np.float64]
    face: FaceModel
    compositor: Compositor
    preview_png: bytes
    thumbnail_jpg: bytes
    frame: bytes | None = None

    @property
    def width(self) -> int:
        """Of a frame, pixels."""
        return self.photo.shape[1]

    @property
    def height(self) -> int:
        """Of a frame, pixels."""
        return self.photo.shape[0]

    @staticmethod
    def load(path: Path, threads: int = 1) -> Avatar:
        """Verify and load a bundle. threads: for its face model.

        Raises BadBundle for what is not a bundle, was altered, or is of another schema.
        """
        path = Path(path)
        with _opened(path) as archive:
            manifest = _manifest(archive, path.name)
            parts = {name: _part(archive, manifest, name, path.name) for name in PARTS}
            held = {*archive.namelist(), *manifest["parts"]}
            more = {n: _part(archive, manifest, n, path.name) for n in OPTIONAL if n in held}
        try:
            frame, canvas = manifest["frame"], manifest["canvas"]
            width, height, size = int(frame["width"]), int(frame["height"]), int(canvas["size"])
            matrix = np.array(canvas["matrix"], np.float64)
            head = np.array(canvas.get("head", canvas["matrix"]), np.float64)
            teeth_origin = np.array(manifest["teeth"]["origin"], np.float64)
            name, title = str(manifest["name"]), str(manifest["title"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadBundle(
                f"{path.name}: its manifest lacks or garbles {error}, expected frame, canvas, "
                "teeth, name and title: export it anew"
            ) from error
        photo = _photo(parts["photo.png"], (width, height), path.name)
        teeth = Teeth.from_png(parts["teeth.png"], teeth_origin, path.name)
        face = FaceModel(parts["face.onnx"], threads)
        if not all(_fits(m, width, height) for m in (matrix, head)) or size != face.size:
            raise BadBundle(
                f"{path.name} holds a canvas of {size} pixels at {matrix.tolist()} and a face "
                f"model of {face.size}, expected the same size and a place inside the frame: "
                "export it anew"
            )
        return Avatar(
            name,
            title,
            manifest,
            photo,
            matrix,
            face,
            Compositor(photo, matrix, size, teeth, head),
            parts["preview.png"],
            parts["thumbnail.jpg"],
            more.get("frame.onnx"),
        )


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest alone, checked for schema but not for the parts' hashes. Raises BadBundle."""
    with _opened(path) as archive:
        return _manifest(archive, path.name)


def builtin_avatars() -> dict[str, Path]:
    """Name -> file of the avatars that ship with the package."""
    return {p.stem: p for p in sorted(_BUILTIN.glob("*.avatar"))}


def find_avatar(name_or_file: str) -> Path:
    """A built-in avatar by its name, or a file. Raises BadInput when it is neither."""
    known = builtin_avatars()
    if name_or_file in known:
        return known[name_or_file]
    path = Path(name_or_file)
    if path.is_file():
        return path
    raise BadInput(
        f"there is no avatar and no file called {name_or_file!r}, expected a file or one of: "
        f"{', '.join(known) or '(none is built in)'}"
    )


def _photo(png: bytes, shape: tuple[int, int], bundle: str) -> NDArray[np.uint8]:
    """``[H, W, 3]`` uint8 RGB of a PNG that has the promised (width, height), even and not huge."""
    header = struct.Struct(">8s4x4sII")  # signature, chunk length, chunk type, width, height
    got = header.unpack_from(png) if len(png) >= header.size else (b"", b"", 0, 0)
    # Looked at before decoding: a small file may unpack to gigabytes.
    if got[:2] != (b"\x89PNG\r\n\x1a\n", b"IHDR") or got[2:] != shape:
        raise BadBundle(
            f"{bundle} holds a photo of {got[2]} x {got[3]}, expected a PNG of {shape[0]} x "
            f"{shape[1]} as its manifest says: export it anew"
        )
    if not all(_SIDE_LEAST <= side <= _SIDE_MOST and side % 2 == 0 for side in shape):
        raise BadBundle(
            f"{bundle} has frames of {shape[0]} x {shape[1]}, expected even sides of {_SIDE_LEAST} "
            f"to {_SIDE_MOST} pixels, as video encoders want: export it anew"
        )
    bgr = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise BadBundle(f"{bundle}: its photo can not be decoded, expected a PNG: export it anew")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def _fits(matrix: NDArray[np.float64], width: int, height: int) -> bool:
    """Whether the canvas is a real square that covers some of the frame, its middle at least."""
    if matrix.shape != (2, 3) or not np.isfinite(matrix).all():
        return False
    sides = np.hypot(*matrix[:, :2])
    x, y = matrix @ (0.5, 0.5, 1.0)
    upright = abs(float(np.linalg.det(matrix[:, :2]))) > 0.5 * float(np.prod(sides))
    return bool(
        upright
        and 16 <= sides.min() <= sides.max() <= 4 * max(width, height)
        and 0 < x < width
        and 0 < y < height
    )


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise BadBundle(
            f"{path.name} can not be opened ({error}), expected an .avatar made by `engine export`"
        ) from error


def _read(archive: zipfile.ZipFile, name: str, limit: int, bundle: str) -> bytes:
    try:
        info = archive.getinfo(name)
        if info.file_size > limit:
            raise BadBundle(
                f"{bundle}: {name} unpacks to {info.file_size} bytes, expected at most {limit}"
            )
        with archive.open(info) as file:
            data = file.read(limit + 1)  # the header's size is a claim, not a fact
    except KeyError as error:
        raise BadBundle(f"{bundle} has no {name}, expected one: export it anew") from error
    except BadBundle:
        raise
    except Exception as error:  # zipfile lets through whatever its decompressors raise
        raise BadBundle(
            f"{bundle}: {name} is damaged ({error}), expected it whole: copy or export it anew"
        ) from error
    if len(data) > limit:
        raise BadBundle(f"{bundle}: {name} unpacks to over {limit} bytes, expected at most that")
    return data


def _manifest(archive: zipfile.ZipFile, bundle: str) -> dict[str, Any]:
    for name in archive.namelist():
        if name not in (*PARTS, *OPTIONAL, _MANIFEST):
            raise BadBundle(
                f"{bundle} holds {name!r}, expected only {', '.join((_MANIFEST, *PARTS))}: "
                "do not use a bundle from a source you do not trust"
            )
    try:
        manifest = json.loads(_read(archive, _MANIFEST, _MANIFEST_LIMIT, bundle))
    except (ValueError, RecursionError) as error:
        raise BadBundle(
            f"{bundle}: its manifest is no JSON ({error}), expected an object: export it anew"
        ) from error
    schema = manifest.get("schema") if isinstance(manifest, dict) else None
    if schema != SCHEMA:
        raise BadBundle(
            f"{bundle} is of schema {schema!r}, expected {SCHEMA}: it was made by another version, "
            "update the engine or export it anew"
        )
    for part in ("frame", "canvas", "teeth", "generator", "made_with", "parts"):
        if not isinstance(manifest.get(part), dict):
            raise BadBundle(
                f"{bundle}: its manifest has {manifest.get(part)!r:.40} for {part!r}, expected an "
                "object: export it anew"
            )
    return dict(manifest)


def _part(archive: zipfile.ZipFile, manifest: dict[str, Any], name: str, bundle: str) -> bytes:
    data = _read(archive, name, _PART_LIMIT, bundle)
    if hashlib.sha256(data).hexdigest() != manifest["parts"].get(name):
        raise BadBundle(
            f"{bundle}: {name} is not what its manifest says (sha256 differs), expected it "
            "unaltered: copy or export it anew"
        )
    return data
