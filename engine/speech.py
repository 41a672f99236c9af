"""Speech to mouth motion: one step of the recurrent network for each column of the spectrogram.

The network, two convolutions that look back and a gated recurrent unit (Cho et al., "Learning
Phrase Representations using RNN Encoder-Decoder", 2014), answers ``look_ahead_hops`` columns late:
it hears a little of what follows before it shapes the mouth, as lips shape a sound before it is
heard. It is trained and exported by ``training.speech``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.audio import HOP_SAMPLES, SAMPLE_RATE
from engine.errors import ModelMismatch
from engine.features import BANDS
from engine.motion import ARKIT
from engine.runtime.model import Model
from engine.runtime.onnx import OnnxModel
from engine.vad import VoiceGate, VoiceGateState

__all__ = ["FORMAT", "SPEECH_MODEL_PATH", "SpeechModel", "SpeechState"]

SPEECH_MODEL_PATH = Path(__file__).parent / "resources" / "speech.onnx"
FORMAT = "avatar-engine.speech/1"
_MOST_LOOK_AHEAD_HOPS = 16
_STATE = ("hidden_out",)


@dataclass(frozen=True)
class SpeechState:
    """``hidden``: ``[1, n]`` float32, what the network remembers, where the model runs; ``gate``:
    voice."""

    hidden: Any
    gate: VoiceGateState


class SpeechModel:
    """The loaded speech model; immutable, shared by all sessions.

    look_ahead_hops: row n of the motion is the face at hop ``n - look_ahead_hops`` of the stream.
    """

    look_ahead_hops: int

    def __init__(self, model: Model, gate: VoiceGate | None = None) -> None:
        """Raises ModelMismatch where the model does not speak this module's contract."""
        self.look_ahead_hops = _checked_look_ahead(model)
        self._model = model
        self._gate = gate or VoiceGate()
        self._hidden_shape = tuple(int(n) for n in model.inputs["hidden"])

    @staticmethod
    def load(path: Path | None = None) -> SpeechModel:
        """The shipped model, or the one at ``path``."""
        return SpeechModel(OnnxModel(path or SPEECH_MODEL_PATH))

    def initial_state(self) -> SpeechState:
        """Nothing heard, mouth at rest."""
        return SpeechState(np.zeros(self._hidden_shape, np.float32), self._gate.initial_state())

    def step(
        self, columns: NDArray[np.float32], state: SpeechState
    ) -> tuple[NDArray[np.float32], SpeechState]:
        """Hear log-mel columns ``[k, 80]``; give ARKit coefficients ``[k, 52]`` float32, 0 to 1.

        Row n, counted over the whole stream, is the face at hop ``n - look_ahead_hops``; rows of
        negative time are the mouth before the stream began.
        """
        assert columns.ndim == 2, f"columns are {columns.shape}, expected [k, {BANDS}]"
        assert columns.shape[1] == BANDS, f"columns are {columns.shape}, expected [k, {BANDS}]"
        faces = np.zeros((len(columns), len(ARKIT)), np.float32)
        voice = np.zeros(len(columns), np.float32)
        hidden = state.hidden
        for n, column in enumerate(columns):
            out = self._model.run({"column": column[None], "hidden": hidden}, keep=_STATE)
            faces[n], voice[n], hidden = (
                out["coefficients"][0],
                out["voice"][0, 0],
                out["hidden_out"],
            )
        gains, gate = self._gate.step(voice, state.gate)
        return np.clip(faces * gains[:, None], 0.0, 1.0), SpeechState(hidden, gate)


def _checked_look_ahead(model: Model) -> int:
    """The look-ahead in hops, after every other promise of the metadata is found kept."""
    expected = {
        "format": FORMAT,
        "sample_rate": str(SAMPLE_RATE),
        "hop_samples": str(HOP_SAMPLES),
        "bands": str(BANDS),
        "coefficients": ",".join(ARKIT),
    }
    for key, value in expected.items():
        if model.metadata.get(key) != value:
            raise ModelMismatch(
                f"the speech model's {key} is {model.metadata.get(key)!r}, expected {value!r}: "
                "use the model shipped with this version, or train one with it"
            )
    ports = {"inputs": {"column", "hidden"}, "outputs": {"coefficients", "voice", "hidden_out"}}
    for side, names in ports.items():
        if set(getattr(model, side)) != names:
            raise ModelMismatch(
                f"the speech model's {side} are {sorted(getattr(model, side))}, "
                f"expected {sorted(names)}: train one with this version"
            )
    look_ahead = model.metadata.get("look_ahead_hops", "")
    if not look_ahead.isdecimal() or int(look_ahead) > _MOST_LOOK_AHEAD_HOPS:
        raise ModelMismatch(
            f"the speech model's look_ahead_hops is {look_ahead!r}, expected a number from 0 to "
            f"{_MOST_LOOK_AHEAD_HOPS}: train one with this version"
        )
    return int(look_ahead)
