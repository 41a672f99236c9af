"""Sound files of every kind that people hand in."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from tests.engine.test_pipeline import voice

__all__ = ["encoded", "speech"]


def speech(seconds: float, rate: int, channels: int = 1) -> NDArray[np.float32]:
    """``[n, channels]`` at any rate, the same voice on all channels."""
    sound = voice(seconds)
    times = np.arange(int(seconds * rate)) / rate
    mono = np.interp(times, np.arange(len(sound)) / 16000, sound)
    return np.repeat(mono[:, None], channels, 1).astype(np.float32)


def encoded(path: Path, sound: NDArray[np.float32], rate: int, codec: str) -> Path:
    """Write ``[n, channels]`` to a file whose name says the container."""
    layout = {1: "mono", 2: "stereo"}[sound.shape[1]]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = layout
        resampler = av.AudioResampler(stream.format.name, layout, stream.rate, frame_size=960)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(sound.reshape(1, -1)), format="flt", layout=layout
        )
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        pieces = (*resampler.resample(frame), *resampler.resample(None)) if len(sound) else ()
        for piece in pieces:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path
