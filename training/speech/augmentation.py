"""What happens to a voice between a mouth and our ears: room, microphone, level and other sounds.

All functions take and give float32 sound at 16 kHz and draw from the generator they are handed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Surroundings", "change_speed", "colour"]

_RATE = 16000
_PIECE_SAMPLES = 6 * _RATE


def change_speed(sound: NDArray[np.float32], factor: float, length: int) -> NDArray[np.float32]:
    """Play ``sound [n]`` ``factor`` times as fast, pitch and formants included: ``[length]``.

    Needs ``length * factor`` samples; what is missing is silence.
    """
    at = np.arange(length) * factor
    return np.interp(at, np.arange(len(sound)), sound, right=0.0).astype(np.float32)


def colour(sound: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A random room and a random microphone: reverberation and a smooth frequency response.

    The room is exponentially decaying noise after the direct sound (Moorer, "About This
    Reverberation Business", 1979), up to 0.6 s; its energy is 3 to 20 dB under the direct one.
    """
    n = len(sound)
    size = 1 << int(np.ceil(np.log2(n + _RATE // 2)))
    response = np.ones(size // 2 + 1, np.complex64)
    if rng.random() < 0.5:
        seconds = rng.uniform(0.1, 0.6)
        t = np.arange(_RATE // 2) / _RATE
        tail = rng.standard_normal(len(t)) * np.exp(-6.9 * t / seconds) * (t > 0.002)
        tail *= 10 ** (-rng.uniform(3, 20) / 20) / np.sqrt((tail**2).sum())
        tail[0] += 1.0  # the direct sound comes undelayed
        response = np.fft.rfft(tail, size).astype(np.complex64)
    hz = np.fft.rfftfreq(size, 1 / _RATE)
    knots = np.array([60, 200, 500, 1200, 3000, 8000])
    gain = np.interp(np.log(hz + 1), np.log(knots), rng.normal(0, 4, len(knots)))
    if rng.random() < 0.2:  # telephone and Bluetooth bands
        gain -= 60 * ((hz > rng.uniform(3400, 5000)) | (hz < rng.uniform(0, 300)))
    shaped = np.fft.irfft(np.fft.rfft(sound, size) * response * 10 ** (gain / 20), size)
    return shaped[:n].astype(np.float32)


class Surroundings:
    """Sounds that are not the speaker: noise, hum, keys, breath, music, many other voices.

    voices: recordings ``[n]`` of others, for babble.
    pieces: how many pieces of six seconds are made in advance; they are cut and mixed anew.
    """

    def __init__(
        self, voices: Sequence[NDArray[np.float32]], pieces: int = 320, seed: int = 0
    ) -> None:
        self._voices = voices
        rng = np.random.default_rng(seed)
        kinds = (self._noise, self._noise, self._hum, self._keys, self._breath, self._music)
        kinds = (*kinds, self._babble, self._babble)
        self._pieces = [_unit(kinds[n % len(kinds)](_PIECE_SAMPLES, rng)) for n in range(pieces)]

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """``[n]``, at most six seconds, of one random kind or of two, root mean square 1."""
        assert n <= _PIECE_SAMPLES, f"{n} samples, expected at most {_PIECE_SAMPLES}"
        out = np.zeros(n, np.float32)
        for which in rng.integers(0, len(self._pieces), size=rng.integers(1, 3)):
            start = rng.integers(0, _PIECE_SAMPLES - n + 1)
            out += rng.uniform(0.2, 1) * self._pieces[which][start : start + n]
        return _unit(out)

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
