"""``python -m training.speech.endurance``: hours of random sound in one session, at full speed.

A recurrent state that is never reset could grow, get stuck or become NaN. What is watched: values
that are not finite, the greatest state, and how the same spoken sentence is answered after every
hour, against the answer of a session that begins with it.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.audio import SAMPLE_RATE, decode
from engine.features import LogMel
from engine.speech import SPEECH_MODEL_PATH, SpeechModel

__all__ = ["Endurance", "endure", "random_sound"]

log = logging.getLogger("training.speech.endurance")

Sound = NDArray[np.float32]
_PIECE_SECONDS = 10
_SETTLING_SECONDS = 2  # of silence: what came just before may still colour an answer after less


@dataclass(frozen=True)
class Endurance:
    """not_finite: values of coefficients or state. state: its greatest magnitude.

    drift: mean difference of all coefficients, over the sentence, from a fresh session's; one for
    each hour, the last for the end. Ten seconds of sound make as much of it as hours should.
    """

    seconds: float
    not_finite: int
    state: float
    drift: tuple[float, ...]


def random_sound(rng: np.random.Generator, seconds: float = _PIECE_SECONDS) -> Sound:
    """Silence, noise, tones, clicks or a square wave, softly or beyond full scale, ``[n]``."""
    n = int(seconds * SAMPLE_RATE)
    t = np.arange(n) / SAMPLE_RATE
    kind = rng.integers(5)
    if kind == 0:
        return np.zeros(n, np.float32)
    if kind == 1:
        sound = rng.standard_normal(n)
    elif kind == 2:
        sound = np.sin(2 * np.pi * rng.uniform(40, 4000) * t * (1 + 0.2 * np.sin(t)))
    elif kind == 3:
        sound = np.sign(np.sin(2 * np.pi * rng.uniform(60, 400) * t)) * (np.sin(9 * t) > 0)
    else:
        sound = (rng.random(n) < 1e-3).astype(np.float64)
    return np.clip(sound * 10 ** rng.uniform(-4, 1), -1, 1).astype(np.float32)


def endure(model: SpeechModel, sentence: Sound, hours: float, seed: int = 0) -> Endurance:
    """Run one session for ``hours`` of random sound; ``sentence [n]`` is spoken every hour."""
    log_mel, rng = LogMel(), np.random.default_rng(seed)
    fresh, _ = model.step(_columns(sentence), model.initial_state())
    features, state = log_mel.initial_state(), model.initial_state()
    not_finite, greatest, drift = 0, 0.0, []
    for done in _pieces(hours):
        columns, features = log_mel.step(random_sound(rng), features)
        faces, state = model.step(columns, state)
        not_finite += int((~np.isfinite(faces)).sum() + (~np.isfinite(state.hidden)).sum())
        greatest = max(greatest, float(np.abs(state.hidden).max()))
        if done:
            again, _ = model.step(_columns(sentence), state)
            drift.append(float(np.abs(again - fresh).mean()))
            log.info("%d h: state %.2f, drift %.5f", len(drift), greatest, drift[-1])
    return Endurance(hours * 3600, not_finite, greatest, tuple(drift))


def _pieces(hours: float) -> Iterator[bool]:
    """One item for each piece of sound; true for the last of each hour and of all."""
    count = max(1, round(hours * 3600 / _PIECE_SECONDS))
    for n in range(1, count + 1):
        yield n % (3600 // _PIECE_SECONDS) == 0 or n == count


def _columns(sound: Sound) -> NDArray[np.float32]:
    """After a silence in which a session settles."""
    log_mel = LogMel()
    padded = np.concatenate([np.zeros(_SETTLING_SECONDS * SAMPLE_RATE, np.float32), sound])
    return log_mel.step(padded, log_mel.initial_state())[0]


def main() -> None:
    """Endure and say how it went."""
    parser = argparse.ArgumentParser(
        prog="python -m training.speech.endurance", description=__doc__
    )
    parser.add_argument("sentence", type=Path, help="a recording of speech, a few seconds")
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--model", type=Path, default=SPEECH_MODEL_PATH)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sentence = np.concatenate(list(decode(options.sentence)))
    log.info("%s", endure(SpeechModel.load(options.model), sentence, options.hours))


if __name__ == "__main__":
    main()
