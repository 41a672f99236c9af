"""A whole avatar without a face: a bundle that keeps every promise of the format.

Its photo is a smooth gradient, its model a single matrix: ``jawOpen`` darkens a spot where a mouth
would be and pulls the photo up below it.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from engine.avatar import SCHEMA
from engine.face import FIELDS
from engine.motion import ARKIT, ARKIT_INDEX
from engine.teeth import Teeth

FRAME = 128
CANVAS = 16
MATRIX = [[96.0, 0.0, 16.0], [0.0, 96.0, 16.0]]  # canvas unit square -> frame pixels
MOUTH = (64, 80)  # x, y of the spot's middle in the frame
TEETH_ORIGIN = (56.0, 76.0)


@cache
def face_model(canvas: int = CANVAS, coefficients: int = len(ARKIT)) -> bytes:
    """``face.onnx``, linear in the coefficients."""
    y, x = (np.mgrid[:canvas, :canvas] + 0.5) / canvas
    spot = np.exp(-(((x - 0.5) / 0.15) ** 2 + ((y - 0.667) / 0.15) ** 2)).astype(np.float32)
    weights = np.zeros((coefficients, 8, canvas, canvas), np.float32)
    weights[ARKIT_INDEX["jawOpen"], 1] = -0.05 * spot
    weights[ARKIT_INDEX["jawOpen"], 2] = spot
    rest = np.zeros((8, canvas, canvas), np.float32)
    rest[3] = 0.5  # dark red
    rest[6] = 1.0  # in full light
    jaw = np.zeros((coefficients, 2), np.float32)
    jaw[ARKIT_INDEX["jawOpen"], 1] = 0.1
    constants = {
        "drop": jaw,
        "weights": weights.reshape(coefficients, -1),
        "rest": rest.reshape(1, -1),
        "shape": np.array([1, 8, canvas, canvas], np.int64),
        "channels": np.array([*FIELDS.values()], np.int64),
    }
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["face", "weights"], ["moved"]),
            helper.make_node("Add", ["moved", "rest"], ["flat"]),
            helper.make_node("Reshape", ["flat", "shape"], ["fields"]),
            helper.make_node("Split", ["fields", "channels"], list(FIELDS), axis=1),
            helper.make_node("MatMul", ["face", "drop"], ["jaw"]),
        ],
        "face",
        [helper.make_tensor_value_info("face", TensorProto.FLOAT, [1, coefficients])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n, canvas, canvas])
            for name, n in FIELDS.items()
        ]
        + [helper.make_tensor_value_info("jaw", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def picture_model(canvas: int = CANVAS) -> bytes:
    """``face.onnx`` of a generator that draws the whole picture: red is ``jawOpen``."""
    weights = np.zeros((len(ARKIT), 3, canvas, canvas), np.float32)
    weights[ARKIT_INDEX["jawOpen"], 0] = 1
    rest = np.zeros((3, canvas, canvas), np.float32)
    rest[1] = 1.5
    constants = {
        "weights": weights.reshape(len(ARKIT), -1),
        "rest": rest.reshape(1, -1),
        "shape": np.array([1, 3, canvas, canvas], np.int64),
    }
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["face", "weights"], ["moved"]),
            helper.make_node("Add", ["moved", "rest"], ["flat"]),
            helper.make_node("Reshape", ["flat", "shape"], ["rgb"]),
        ],
        "face",
        [helper.make_tensor_value_info("face", TensorProto.FLOAT, [1, len(ARKIT)])],
        [helper.make_tensor_value_info("rgb", TensorProto.FLOAT, [1, 3, canvas, canvas])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def photo(width: int = FRAME, height: int = FRAME) -> NDArray[np.uint8]:
    """``[height, width, 3]`` RGB: red rises to the right, green downwards, blue is even."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x % 256, y % 256, np.full_like(x, 90)], -1).astype(np.uint8)


def teeth() -> Teeth:
    """Two bars, 16 x 4 and clear around: the upper white, the lower one green below it."""
    upper, lower = np.zeros((2, 12, 16, 4), np.uint8)
    upper[:4] = 255
    lower[4:8] = (0, 255, 0, 255)
    return Teeth(upper, lower, np.array(TEETH_ORIGIN))


def png(rgb: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


def parts(width: int = FRAME, height: int = FRAME) -> dict[str, bytes]:
    """The parts of a bundle, by name."""
    picture = png(photo(width, height))
    thumbnail = cv2.imencode(".jpg", photo(64, 64)[..., ::-1])[1].tobytes()
    return {
        "face.onnx": face_model(),
        "photo.png": picture,
        "teeth.png": teeth().png(),
        "preview.png": picture,
        "thumbnail.jpg": thumbnail,
    }


def manifest(files: dict[str, bytes], **changes: Any) -> dict[str, Any]:
    """A manifest that is true of ``files``, but for the changes."""
    return {
        "schema": SCHEMA,
        "name": "nobody",
        "title": "Nobody [at all]",
        "fps": 25,
        "frame": {"width": FRAME, "height": FRAME, "mouth": [48, 64, 80, 96]},
        "canvas": {"size": CANVAS, "matrix": MATRIX},
        "teeth": {"origin": [*TEETH_ORIGIN]},
        "generator": {"family": "matrix", "size": CANVAS},
        "models": {},
        "source": "a gradient",
        "licence": "CC0",
        "rights": "nobody's",
        "made_with": {"avatar-engine": "test"},
        "parts": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    } | changes


def write(path: Path, told: dict[str, Any], files: dict[str, bytes]) -> Path:
    """The zip, whatever is in it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps(told))
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def bundle(path: Path, **changes: Any) -> Path:
    """A good bundle at ``path``, but for the changes to its manifest."""
    files = parts()
    return write(path, manifest(files, **changes), files)
