"""Write the trained network as ``speech.onnx`` and prove that it is the same."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch

from engine.audio import HOP_SAMPLES, SAMPLE_RATE
from engine.features import BANDS, FLOOR
from engine.motion import ARKIT
from engine.runtime.onnx import OnnxModel
from engine.speech import FORMAT
from export.to_onnx import to_onnx
from export.verify import Recurrence, Verification, torch_step, verify
from training.speech.network import SpeechNetwork, StreamingStep

__all__ = ["export_speech", "speech_onnx"]

log = logging.getLogger(__name__)

_INPUTS = ("column", "hidden")
_OUTPUTS = ("coefficients", "voice", "hidden_out")


def export_speech(
    network: SpeechNetwork, path: Path, amplitude: float = 1.0, note: str = ""
) -> Verification:
    """Write ``path`` (beside, then renamed) after 500 closed-loop steps agreed with ``network``.

    Weights are stored in half precision and computed in single. Raises ModelMismatch where the
    exported model differs by more than half precision explains.
    """
    model = speech_onnx(network, amplitude, note)
    step = StreamingStep(network, amplitude).eval()
    rng = np.random.default_rng(0)
    columns = rng.normal(network.mean.numpy(), network.deviation.numpy(), (500, BANDS))
    proof = verify(
        torch_step(step, _INPUTS, _OUTPUTS),
        OnnxModel(model),
        lambda n: {"column": columns[n : n + 1].astype(np.float32)},
        recurrences=[
            Recurrence("hidden", "hidden_out", np.zeros((1, step.state_size), np.float32))
        ],
        steps=500,
        tolerance=0.02,
    )
    beside = path.with_suffix(".part")
    beside.write_bytes(model)
    beside.replace(path)
    log.info("wrote %s, %.2f MB, differs by %s", path.name, len(model) / 1e6, proof.worst)
    return proof


def speech_onnx(network: SpeechNetwork, amplitude: float = 1.0, note: str = "") -> bytes:
    """The model's bytes: one streaming step with its contract in the metadata."""
    step = StreamingStep(network, amplitude).eval()
    return to_onnx(
        step,
        (torch.zeros(1, BANDS), torch.zeros(1, step.state_size)),
        _INPUTS,
        _OUTPUTS,
        {
            "format": FORMAT,
            "sample_rate": str(SAMPLE_RATE),
            "hop_samples": str(HOP_SAMPLES),
            "bands": str(BANDS),
            "log_floor": str(FLOOR),
            "look_ahead_hops": str(network.config.look_ahead_hops),
            "coefficients": ",".join(ARKIT),
            "amplitude": f"{amplitude:.3f}",
            "note": note,
        },
    )
