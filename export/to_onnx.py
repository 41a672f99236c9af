"""torch -> ONNX, self-contained in one file's bytes."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Mapping, Sequence

import onnx
import torch
from torch import Tensor, nn

from engine.motion import ARKIT
from export.generator.prior import FaceGenerator

__all__ = ["face_onnx", "to_onnx"]


def to_onnx(
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    metadata: Mapping[str, str],
) -> bytes:
    """Export ``module`` for inputs of exactly the example's shapes; metadata goes into the file."""
    # The exporter reports each optional package that it does without.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch about its own use of its pytrees
        program = torch.onnx.export(
            module,
            example,
            input_names=list(inputs),
            output_names=list(outputs),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    program.save(buffer)
    model = onnx.load_from_string(buffer.getvalue())
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def face_onnx(generator: FaceGenerator) -> bytes:
    """``face.onnx``: face ``[1, 52]`` -> flow, alpha, colour."""
    return to_onnx(
        generator.eval(),
        (torch.zeros(1, len(ARKIT)),),
        ["face"],
        ["flow", "alpha", "colour"],
        {"format": "avatar-engine face 1", "family": "lite", "coefficients": ",".join(ARKIT)},
    )
