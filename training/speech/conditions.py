"""What a line and a careless microphone do to a voice: conditions under which lips are judged.

All take and give float32 sound ``[n]`` at 16 kHz, undelayed; figures under a condition are compared
with those of the clean sound.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from engine.audio import SAMPLE_RATE

__all__ = ["babble", "clipped", "conditions", "gap_of_a_second", "narrow_band", "offset", "opus"]

Sound = NDArray[np.float32]
_OPUS_RATE = 48000


def conditions(voices: Sequence[Sound]) -> dict[str, Callable[[Sound], Sound]]:
    """The named conditions; ``voices`` are other people's recordings, for babble."""
    return {
        "babble at 10 dB": lambda sound: babble(sound, voices, 10.0),
        "12 dB softer": lambda sound: (10 ** (-12 / 20) * sound).astype(np.float32),
        "Opus at 16 kbit/s": opus,
        "clipped at 12 dB over": clipped,
        "DC offset of 0.1": offset,
        "telephone band": narrow_band,
    }


def babble(sound: Sound, voices: Sequence[Sound], decibels: float, seed: int = 0) -> Sound:
    """Six of ``voices`` at once, ``decibels`` below the mean power of ``sound``."""
    rng, n = np.random.default_rng(seed), len(sound)
    others = np.zeros(n, np.float32)
    for who in rng.choice(len(voices), size=6, replace=len(voices) < 6):
        voice = np.resize(voices[who][rng.integers(0, len(voices[who]) // 2) :], n)
        others += voice / np.sqrt((voice**2).mean())
    gain = np.sqrt((sound**2).mean() / (others**2).mean()) * 10 ** (-decibels / 20)
    return (sound + gain * others).astype(np.float32)


def opus(sound: Sound, bits_a_second: int = 16000) -> Sound:
    """Through libopus and back, as a voice comes over WebRTC on a thin line."""
    packed = io.BytesIO()
    with av.open(packed, "w", format="ogg") as out:
        stream = out.add_stream("libopus", rate=_OPUS_RATE, layout="mono")
        stream.bit_rate = bits_a_second
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(np.clip(sound, -1, 1)[None]), format="flt", layout="mono"
        )
        frame.sample_rate = SAMPLE_RATE
        up = AudioResampler(format="s16", layout="mono", rate=_OPUS_RATE)
        for piece in [*up.resample(frame), *up.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    packed.seek(0)
    parts = []
    with av.open(packed) as heard:
        down = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        for piece in heard.decode(audio=0):
            parts += [f.to_ndarray()[0] for f in down.resample(piece)]
        parts += [f.to_ndarray()[0] for f in down.resample(None)]
    back = np.concatenate(parts)[: len(sound)]
    return np.pad(back, (0, len(sound) - len(back))).astype(np.float32)


def clipped(sound: Sound, decibels: float = 12.0) -> Sound:
    """A microphone turned up so far that peaks are cut off ``decibels`` below their height."""
    limit = float(np.abs(sound).max()) * 10 ** (-decibels / 20)
    return np.clip(sound, -limit, limit)


def offset(sound: Sound, by: float = 0.1) -> Sound:
    """A constant added by a bad sound card."""
    return np.clip(sound + np.float32(by), -1, 1)


def narrow_band(sound: Sound, highest_hz: float = 3400.0) -> Sound:
    """What a telephone, or a microphone that samples at 8 kHz, leaves of a voice."""
    sections = butter(8, [200.0, highest_hz], "bandpass", fs=SAMPLE_RATE, output="sos")
    return sosfiltfilt(sections, sound).astype(np.float32)


def gap_of_a_second(sound: Sound, start: float) -> Sound:
    """Nothing at all for one second from ``start`` (s) on, as when a line drops out."""
    out = sound.copy()
    out[int(start * SAMPLE_RATE) : int((start + 1) * SAMPLE_RATE)] = 0.0
    return out
