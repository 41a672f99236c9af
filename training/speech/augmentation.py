"""Sounds that are no speaker, to train and to judge rest and robustness: 16 kHz float32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.speech.spectra import columns_of, level_of, mixed

__all__ = ["KINDS", "Surroundings"]

KINDS = ("noise", "hum", "keys", "breath", "music", "babble")

_RATE = 16000
_PIECE_SAMPLES = 6 * _RATE


class Surroundings:
    """Sounds that are not the speaker: noise, hum, keys, breath, music, many other voices.

    voices: recordings ``[n]`` of others, for babble.
    pieces: how many pieces of six seconds are made in advance; they are cut and mixed anew.
    """

    def __init__(
        self, voices: Sequence[NDArray[np.float32]], pieces: int = 400, seed: int = 0
    ) -> None:
        self._voices = voices
        rng = np.random.default_rng(seed)
        order = ("noise", "noise", "hum", "keys", "breath", "music", "babble", "babble")
        self._pieces = [
            self.piece(order[n % len(order)], _PIECE_SAMPLES, rng) for n in range(pieces)
        ]
        spectra = [columns_of(piece) for piece in self._pieces]
        self._columns = [(c - level_of(c) * np.log(10) / 10).astype(np.float16) for c in spectra]

    def piece(self, kind: str, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """``[n]`` of one of ``KINDS``, root mean square 1; KeyError for another kind."""
        makers = dict(
            zip(
                KINDS,
                (self._noise, self._hum, self._keys, self._breath, self._music, self._babble),
                strict=True,
            )
        )
        return _unit(makers[kind](n, rng))

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """``[n]``, at most six seconds, of one random kind or of two, root mean square 1."""
        assert n <= _PIECE_SAMPLES, f"{n} samples, expected at most {_PIECE_SAMPLES}"
        out = np.zeros(n, np.float32)
        for which in rng.integers(0, len(self._pieces), size=rng.integers(1, 3)):
            start = rng.integers(0, _PIECE_SAMPLES - n + 1)
            out += rng.uniform(0.2, 1) * self._pieces[which][start : start + n]
        return _unit(out)

    def columns(self, hops: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """As ``draw``, but the log-mel spectrogram ``[hops, 80]`` at a level of 0 dB."""
        first, second = rng.integers(0, len(self._columns), size=2)
        a, b = (self._cut(which, hops, rng) for which in (first, second))
        return mixed(a, 0.0, b, rng.uniform(-14, 0) if rng.random() < 0.5 else -300.0)

    def _cut(self, which: int, hops: int, rng: np.random.Generator) -> NDArray[np.float32]:
        start = rng.integers(0, len(self._columns[which]) - hops + 1)
        return self._columns[which][start : start + hops].astype(np.float32)

    def _noise(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Noise with a spectrum of f^-0 (white) to f^-2 (brown)."""
        spectrum = np.fft.rfft(rng.standard_normal(n))
        hz = np.fft.rfftfreq(n, 1 / _RATE) + 20
        return np.fft.irfft(spectrum * hz ** (-rng.uniform(0, 2) / 2), n).astype(np.float32)

    def _hum(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Mains or a fan: harmonics that do not change."""
        t, base = np.arange(n) / _RATE, rng.choice([50.0, 60.0, rng.uniform(70, 200)])
        out = np.zeros(n, np.float32)
        for k in range(1, 12):
            phase = rng.uniform(0, 2 * np.pi)
            out += rng.uniform(0, 1) / k * np.sin(2 * np.pi * base * k * t + phase)
        return out

    def _keys(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """A keyboard or knocking: short decaying bursts."""
        out = np.zeros(n + 800, np.float32)
        for at in rng.integers(0, n, size=max(1, int(n / _RATE * rng.uniform(1, 8)))):
            decay = np.exp(-np.arange(800) / rng.uniform(30, 250))
            out[at : at + 800] += rng.uniform(0.2, 1) * rng.standard_normal(800) * decay
        return out[:n]

    def _breath(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Breathing: noise without pitch that swells and falls."""
        t, rate = np.arange(n) / _RATE, rng.uniform(0.3, 1.2)
        swell = np.maximum(0, np.sin(2 * np.pi * (rate * t + rng.random()))) ** 2
        return (swell * self._noise(n, rng)).astype(np.float32)

    def _music(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """A bed of plucked chords: pitched and rhythmic like a voice, without its formants."""
        out = np.zeros(n, np.float32)
        beat = int(_RATE * rng.uniform(0.2, 0.6))
        for start in range(0, n, beat):
            t = np.arange(n - start) / _RATE
            for _ in range(rng.integers(1, 4)):
                hz = 110 * 2 ** (rng.integers(0, 30) / 12)
                note = sum(np.sin(2 * np.pi * hz * k * t) / k**1.5 for k in range(1, 5))
                out[start:] += note * np.exp(-t * rng.uniform(1.5, 6))
        return out

    def _babble(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Six others at once: no single one can be followed."""
        out = np.zeros(n, np.float32)
        for who in rng.choice(len(self._voices), size=6):
            voice = self._voices[who]
            start = rng.integers(0, max(1, len(voice) - n))
            out += np.resize(_unit(voice[start : start + n]), n)
        return out


def _unit(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same sound with a root mean square of 1."""
    return (sound / (np.sqrt((sound**2).mean()) + 1e-9)).astype(np.float32)
