"""The exported file speaks the engine's contract and leaves nothing half-written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engine.speech import SpeechModel  # noqa: E402
from training.speech.network import SpeechNetwork, SpeechNetworkConfig  # noqa: E402
from training.speech.to_onnx import export_speech  # noqa: E402

pytestmark = pytest.mark.export


def test_export_loads_and_weights_are_halved(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = SpeechNetwork(SpeechNetworkConfig(units=96, look_ahead_hops=3)).eval()
    proof = export_speech(network, tmp_path / "speech.onnx")
    assert proof.steps == 500
    assert [p.name for p in tmp_path.iterdir()] == ["speech.onnx"]
    model = SpeechModel.load(tmp_path / "speech.onnx")
    assert model.look_ahead_hops == 3
    faces, _ = model.step(np.zeros((5, 80), np.float32), model.initial_state())
    assert faces.shape == (5, 52)
    parameters = sum(p.numel() for p in network.parameters())
    assert (
        tmp_path / "speech.onnx"
    ).stat().st_size < 2.2 * parameters + 60_000  # the graph itself is 40 kB
