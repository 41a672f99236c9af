"""What microphones and lines do to a voice does not take the lips away from it.

From the edge to the coefficients: resampler, features, model, gate. The recording is synthesised,
says a sentence that was never trained on, and needs no data folder.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from engine.audio import Resampler, decode
from engine.errors import BadAudio
from engine.features import LogMel
from engine.motion import ARKIT_INDEX
from engine.speech import SpeechModel

Sound = NDArray[np.float32]


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    return SpeechModel.load()


@pytest.fixture(scope="module")
def sound() -> Sound:
    path = Path(__file__).parent.parent / "spoken" / "flite.ogg"
    return np.concatenate(list(decode(path)))[:64000]


def heard(model: SpeechModel, sound: Sound) -> NDArray[np.float32]:
    """Coefficients ``[T, 52]`` of sound ``[n]`` or ``[n, channels]`` through the real edge."""
    resampler = Resampler(16000)
    mono = np.concatenate([resampler.push(sound), resampler.flush()])
    log_mel = LogMel()
    columns, _ = log_mel.step(mono, log_mel.initial_state())
    return model.step(columns, model.initial_state())[0]


def jaw(faces: NDArray[np.float32]) -> NDArray[np.float32]:
    return faces[:, ARKIT_INDEX["jawOpen"]] - faces[:, ARKIT_INDEX["mouthClose"]]


def clipped(sound: Sound) -> Sound:
    return np.clip(8 * sound / np.abs(sound).max(), -1, 1).astype(np.float32)


def offset(sound: Sound) -> Sound:
    return sound + np.float32(0.2)


def telephone(sound: Sound) -> Sound:
    return sosfiltfilt(butter(8, 3400, fs=16000, output="sos"), sound).astype(np.float32)


def one_ear(sound: Sound) -> Sound:
    return np.stack([sound, np.zeros_like(sound)], axis=1)


def softer(sound: Sound) -> Sound:
    return (0.25 * sound).astype(np.float32)


@pytest.mark.parametrize("spoil", [clipped, offset, telephone, one_ear, softer])
def test_lips_are_nearly_those_of_the_clean_voice(
    model: SpeechModel, sound: Sound, spoil: Callable[[Sound], Sound]
) -> None:
    clean, spoiled = heard(model, sound), heard(model, spoil(sound))
    assert spoiled.shape == clean.shape
    assert np.isfinite(spoiled).all()
    assert np.corrcoef(jaw(clean), jaw(spoiled))[0, 1] > 0.8
    assert 0.7 < jaw(spoiled).std() / jaw(clean).std() < 1.4
    assert not np.array_equal(clean, spoiled)


def test_a_line_that_drops_out_for_a_second_closes_the_mouth_and_is_forgotten(
    model: SpeechModel, sound: Sound
) -> None:
    broken = sound.copy()
    broken[24000:40000] = 0.0  # hops 150 to 250
    clean, faces = heard(model, sound), heard(model, broken)
    assert jaw(clean)[180:250].max() > 0.1, "somebody speaks in the gap, or this test says nothing"
    assert faces[180 + model.look_ahead_hops : 250].max() < 0.05
    late = 250 + model.look_ahead_hops + 50
    assert np.abs(jaw(clean)[late:] - jaw(faces)[late:]).mean() < 0.04


@pytest.mark.parametrize("constant", [0.0, 0.3, -1.0])
def test_a_dead_line_leaves_the_mouth_at_rest(model: SpeechModel, constant: float) -> None:
    faces = heard(model, np.full(48000, constant, np.float32))
    assert not faces[50:].any()


def test_nan_is_refused_at_the_edge_and_never_reaches_the_model(
    model: SpeechModel, sound: Sound
) -> None:
    resampler, log_mel = Resampler(16000), LogMel()
    bad = sound[:1600].copy()
    bad[700] = np.nan
    features, state, refused, faces = log_mel.initial_state(), model.initial_state(), 0, []
    for chunk in (sound[:16000], bad, sound[16000:32000]):
        try:
            mono = resampler.push(chunk)
        except BadAudio:
            refused += 1
            continue
        columns, features = log_mel.step(mono, features)
        made, state = model.step(columns, state)
        faces.append(made)
    assert refused == 1
    assert np.isfinite(np.concatenate(faces)).all()
    assert np.isfinite(state.hidden).all()
