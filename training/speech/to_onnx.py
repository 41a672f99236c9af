"""Write the trained network as ``speech.onnx`` and prove that it is the same."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from engine.audio import HOP_SAMPLES, SAMPLE_RATE
from engine.features import BANDS, FLOOR
from engine.motion import ARKIT
from engine.runtime.onnx import OnnxModel
from engine.speech import FORMAT
from export.verify import Recurrence, Verification, torch_step, verify
from training.speech.network import SpeechNetwork, StreamingStep

__all__ = ["export_speech", "speech_onnx"]

log = logging.getLogger(__name__)

_INPUTS = ("column", "hidden")
_OUTPUTS = ("coefficients", "voice", "hidden_out")
_HALF_FROM = 256  # initialisers of this many numbers and more are stored in half precision


def export_speech(network: SpeechNetwork, path: Path, note: str = "") -> Verification:
    """Write ``path`` (beside, then renamed) after 500 closed-loop steps agreed with ``network``.

    Weights are stored in half precision and computed in single. Raises ModelMismatch where the
    exported model differs by more than half precision explains.
    """
    model = speech_onnx(network, note)
    shape = (network.config.layers, 1, network.config.units)
    rng = np.random.default_rng(0)
    columns = rng.normal(network.mean.numpy(), network.deviation.numpy(), (500, BANDS))
    proof = verify(
        torch_step(StreamingStep(network).eval(), _INPUTS, _OUTPUTS),
        OnnxModel(model),
        lambda n: {"column": columns[n : n + 1].astype(np.float32)},
        recurrences=[Recurrence("hidden", "hidden_out", np.zeros(shape, np.float32))],
        steps=500,
        tolerance=0.02,
    )
    beside = path.with_suffix(".part")
    beside.write_bytes(model)
    beside.replace(path)
    log.info("wrote %s, %.2f MB, differs by %s", path.name, len(model) / 1e6, proof.worst)
    return proof


def speech_onnx(network: SpeechNetwork, note: str = "") -> bytes:
    """The model's bytes: one streaming step with its contract in the metadata."""
    step = StreamingStep(network).eval()
    hidden = torch.zeros(network.config.layers, 1, network.config.units)
    buffer = io.BytesIO()
    program = torch.onnx.export(
        step,
        (torch.zeros(1, BANDS), hidden),
        input_names=list(_INPUTS),
        output_names=list(_OUTPUTS),
        external_data=False,
        verbose=False,
    )
    assert program is not None
    program.save(buffer)
    model = onnx.load_from_string(buffer.getvalue())
    _store_in_half(model.graph)
    helper.set_model_props(
        model,
        {
            "format": FORMAT,
            "sample_rate": str(SAMPLE_RATE),
            "hop_samples": str(HOP_SAMPLES),
            "bands": str(BANDS),
            "log_floor": str(FLOOR),
            "look_ahead_hops": str(network.config.look_ahead_hops),
            "coefficients": ",".join(ARKIT),
            "note": note,
        },
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _store_in_half(graph: onnx.GraphProto) -> None:
    """Keep the large weights as float16 behind a cast, which onnxruntime folds when it loads."""
    casts = []
    for weight in graph.initializer:
        value = numpy_helper.to_array(weight)
        if value.dtype != np.float32 or value.size < _HALF_FROM:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)
