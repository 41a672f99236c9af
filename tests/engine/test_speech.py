"""The shipped speech model: streaming properties, rest, and refusal of models that do not fit."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper

from engine.errors import ModelMismatch
from engine.features import LogMel
from engine.runtime.onnx import OnnxModel
from engine.speech import SPEECH_MODEL_PATH, SpeechModel


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    return SpeechModel.load()


def columns(seed: int, hops: int = 120) -> NDArray[np.float32]:
    """Buzzing vowels of changing loudness: enough to open any mouth."""
    rng, t = np.random.default_rng(seed), np.arange(hops * 160) / 16000
    pitch, formant = rng.uniform(90, 220), rng.uniform(500, 900)
    buzz = sum(
        np.sin(2 * np.pi * pitch * k * t) * np.exp(-(((pitch * k - formant) / 300) ** 2))
        for k in range(1, 30)
    )
    sound = 0.1 * buzz * (0.5 - 0.5 * np.cos(2 * np.pi * 4 * t))
    return LogMel().step(sound.astype(np.float32), LogMel().initial_state())[0]


def in_chunks(model: SpeechModel, heard: NDArray[np.float32], chunk: int) -> NDArray[np.float32]:
    state, parts = model.initial_state(), []
    for i in range(0, len(heard), chunk):
        faces, state = model.step(heard[i : i + chunk], state)
        parts.append(faces)
    return np.concatenate(parts)


def test_gives_one_row_of_coefficients_for_each_column(model: SpeechModel) -> None:
    faces = in_chunks(model, columns(0), 120)
    assert faces.shape == (120, 52)
    assert faces.dtype == np.float32
    assert faces.min() >= 0
    assert faces.max() <= 1
    assert faces.max() > 0.05, "a mouth that never moves would pass every other test here"


def test_causal_up_to_the_look_ahead(model: SpeechModel) -> None:
    """Row n is the face at hop n - L and must not know columns after n."""
    heard, changed = columns(0), columns(0)
    changed[60:] = columns(1)[60:]
    a, b = in_chunks(model, heard, 120), in_chunks(model, changed, 120)
    np.testing.assert_array_equal(a[:60], b[:60])
    assert not np.array_equal(a[60:], b[60:])
    assert 0 <= model.look_ahead_hops <= 8


@pytest.mark.parametrize("chunk", [1, 3, 4, 50])
def test_chunked_equals_whole(model: SpeechModel, chunk: int) -> None:
    heard = columns(0)
    np.testing.assert_array_equal(in_chunks(model, heard, chunk), in_chunks(model, heard, 120))


def test_reset_equals_fresh(model: SpeechModel) -> None:
    fresh = in_chunks(SpeechModel.load(), columns(1), 4)
    in_chunks(model, columns(0), 4)
    np.testing.assert_array_equal(in_chunks(model, columns(1), 4), fresh)


def test_interleaved_sessions_equal_separate_ones(model: SpeechModel) -> None:
    states, out = [model.initial_state()] * 2, ([], [])
    for i in range(0, 120, 4):
        for who in (0, 1):
            faces, states[who] = model.step(columns(who)[i : i + 4], states[who])
            out[who].append(faces)
    for who in (0, 1):
        np.testing.assert_array_equal(np.concatenate(out[who]), in_chunks(model, columns(who), 120))


def test_no_columns_change_nothing(model: SpeechModel) -> None:
    state = model.initial_state()
    faces, after = model.step(np.zeros((0, 80), np.float32), state)
    assert faces.shape == (0, 52)
    np.testing.assert_array_equal(after.hidden, state.hidden)


@pytest.mark.parametrize("level", [0.0, 1e-4, 1e-2])
def test_silence_and_noise_leave_the_mouth_at_rest(model: SpeechModel, level: float) -> None:
    sound = (level * np.random.default_rng(0).standard_normal(32000)).astype(np.float32)
    heard, _ = LogMel().step(sound, LogMel().initial_state())
    faces = in_chunks(model, heard, 200)
    assert faces.max() < 0.05  # noise that sets in with the stream may be a breath for 80 ms
    assert not faces[20:].any()


def altered(**metadata: str) -> bytes:
    shipped = onnx.load(SPEECH_MODEL_PATH)
    helper.set_model_props(shipped, OnnxModel(SPEECH_MODEL_PATH).metadata | metadata)
    return bytes(shipped.SerializeToString())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "avatar-engine.speech/99"),
        ("sample_rate", "8000"),
        ("bands", "40"),
        ("coefficients", "jawOpen"),
        ("look_ahead_hops", "-1"),
        ("look_ahead_hops", "1000"),
    ],
)
def test_a_model_of_another_contract_is_refused(key: str, value: str) -> None:
    with pytest.raises(ModelMismatch, match=key):
        SpeechModel(OnnxModel(altered(**{key: value})))


def test_a_model_of_other_ports_is_refused() -> None:
    other = onnx.load_from_string(altered())
    other.graph.output[0].name = "lips"
    for node in other.graph.node:
        node.output[:] = ["lips" if n == "coefficients" else n for n in node.output]
    with pytest.raises(ModelMismatch, match="outputs"):
        SpeechModel(OnnxModel(other.SerializeToString()))
