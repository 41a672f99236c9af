"""A face model that does not hear some coefficients: what a photo hides must not be moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from engine.motion import ARKIT

__all__ = ["EYES_AND_BROWS", "masked"]

EYES_AND_BROWS = tuple(n for n in ARKIT if n.startswith(("eye", "brow", "cheekSquint")))


def masked(model: bytes, coefficients: Sequence[str]) -> bytes:
    """``face.onnx`` with the named coefficients taken for zero, whatever is asked of it."""
    loaded = onnx.load_from_string(model)
    graph = loaded.graph
    heard = np.array([[float(name not in coefficients) for name in ARKIT]], np.float32)
    for node in graph.node:
        for k, name in enumerate(node.input):
            if name == "face":
                node.input[k] = "face.heard"
    graph.initializer.append(numpy_helper.from_array(heard, "face.mask"))
    graph.node.insert(0, helper.make_node("Mul", ["face", "face.mask"], ["face.heard"]))
    onnx.checker.check_model(loaded)
    return bytes(loaded.SerializeToString())
