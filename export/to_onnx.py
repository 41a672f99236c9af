"""torch -> ONNX, self-contained in one file's bytes."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from engine.face import FIELDS
from engine.motion import ARKIT
from export.generator.prior import FaceGenerator

__all__ = ["FACE_METADATA", "FACE_OUTPUTS", "face_onnx", "store_in_half", "to_onnx"]

FACE_OUTPUTS = (*FIELDS, "jaw")
FACE_METADATA = {
    "format": "avatar-engine face 2",
    "family": "lite",
    "coefficients": ",".join(ARKIT),
}

_HALF_FROM = 256  # initialisers of this many numbers and more are stored in half precision


def to_onnx(
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    metadata: Mapping[str, str],
    batch: str | None = None,
) -> bytes:
    """Export ``module`` for inputs of exactly the example's shapes; metadata goes into the file.

    batch: name of the first dimension of all inputs, which may then be of any size.

    Large weights are stored in half precision and computed in single.
    """
    # The exporter reports each optional package that it does without, and each pass over the graph.
    for name in ("torch.onnx", "onnx_ir", "onnxscript"):
        logging.getLogger(name).setLevel(logging.ERROR)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch about its own use of its pytrees
        warnings.filterwarnings("ignore", ".*axis name.*")  # of the second input with a batch
        program = torch.onnx.export(
            module,
            example,
            input_names=list(inputs),
            output_names=list(outputs),
            external_data=False,
            verbose=False,
            dynamic_shapes=None if batch is None else ({0: torch.export.Dim(batch)},) * len(inputs),
        )
    assert program is not None
    program.save(buffer)
    model = onnx.load_from_string(buffer.getvalue())
    store_in_half(model.graph)
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def store_in_half(graph: onnx.GraphProto) -> None:
    """Keep large weights as float16 behind a cast, which onnxruntime folds when it loads.

    Constants of activation shape ``[1, C, H, W]`` stay whole: what rests on them has to be exact.
    """
    casts = []
    for weight in graph.initializer:
        value = numpy_helper.to_array(weight)
        activation = value.ndim == 4 and value.shape[0] == 1
        if value.dtype != np.float32 or value.size < _HALF_FROM or activation:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)


def face_onnx(generator: FaceGenerator) -> bytes:
    """``face.onnx``: face ``[1, 52]`` -> flow, alpha, colour."""
    return to_onnx(
        generator.eval(),
        (torch.zeros(1, len(ARKIT)),),
        ["face"],
        FACE_OUTPUTS,
        FACE_METADATA,
    )
