"""The gate opens for voice, closes after it, never jumps and never chatters."""

from __future__ import annotations

import numpy as np
import pytest

from engine.vad import VoiceGate


def test_opens_for_voice_and_closes_after_it() -> None:
    gate = VoiceGate()
    voice = np.repeat([0.0, 1.0, 0.0], 30).astype(np.float32)
    gains, _ = gate.step(voice, gate.initial_state())
    assert (gains[:30] == 0).all()
    assert (gains[30 + gate.attack : 60] == 1).all()
    assert (gains[60 + gate.release :] == 0).all()


def test_never_moves_faster_than_attack_and_release() -> None:
    gate = VoiceGate()
    voice = np.random.default_rng(0).random(500).astype(np.float32)
    gains, _ = gate.step(voice, gate.initial_state())
    steps = np.diff(gains, prepend=0)
    assert steps.max() <= 1 / gate.attack + 1e-6
    assert steps.min() >= -1 / gate.release - 1e-6


def test_improbable_voice_keeps_it_closed() -> None:
    gains, _ = VoiceGate().step(np.full(200, 0.29, np.float32), VoiceGate().initial_state())
    assert not gains.any()


@pytest.mark.parametrize("chunk", [1, 3, 17])
def test_chunked_equals_whole(chunk: int) -> None:
    gate, voice = VoiceGate(), np.random.default_rng(1).random(100).astype(np.float32)
    whole, _ = gate.step(voice, gate.initial_state())
    state, parts = gate.initial_state(), []
    for i in range(0, 100, chunk):
        gains, state = gate.step(voice[i : i + chunk], state)
        parts.append(gains)
    np.testing.assert_array_equal(np.concatenate(parts), whole)
