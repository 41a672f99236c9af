"""A state that stays where the model runs is the state that comes back."""

from __future__ import annotations

import numpy as np

from engine.features import BANDS
from engine.runtime.model import Model
from engine.runtime.onnx import OnnxModel
from engine.speech import SPEECH_MODEL_PATH, SpeechModel


class Elsewhere:
    """The speech model on a device whose memory nobody else can read: kept values are handles."""

    def __init__(self) -> None:
        self._inner = OnnxModel(SPEECH_MODEL_PATH)
        self.metadata = self._inner.metadata
        self.inputs, self.outputs = self._inner.inputs, self._inner.outputs
        self.memory: list[object] = []

    def run(self, inputs, keep=()):  # type: ignore[no-untyped-def]
        given = {n: self.memory[v] if isinstance(v, int) else v for n, v in inputs.items()}
        out = self._inner.run(given)
        for name in keep:
            self.memory.append(out[name])
            out[name] = len(self.memory) - 1
        return out


def test_fifty_steps_with_the_state_on_the_device() -> None:
    model: Model = Elsewhere()
    columns = np.random.default_rng(0).normal(-9, 3, (50, BANDS)).astype(np.float32)
    found = []
    for speech in (SpeechModel.load(), SpeechModel(model)):
        state = speech.initial_state()
        rows = []
        for part in np.split(columns, 10):
            faces, state = speech.step(part, state)
            rows.append(faces)
        found.append(np.concatenate(rows))
    np.testing.assert_array_equal(*found)
    assert state.hidden == 49, "a handle, not an array"
