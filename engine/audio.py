"""Sound at the edge: anything in, mono float32 out, at 16 kHz unless another rate is asked for.

What the models hear is at 16 kHz, and that count of samples is the only clock of a session.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadAudio

if TYPE_CHECKING:  # imported where it is used: models and benchmarks count samples without FFmpeg
    import av

__all__ = [
    "FRAME_SAMPLES",
    "HOP_SAMPLES",
    "RESAMPLER_HOLDS",
    "SAMPLE_RATE",
    "Resampler",
    "decode",
]

SAMPLE_RATE = 16000
FRAME_SAMPLES = 640  # one video frame at 25 fps
HOP_SAMPLES = 160  # one column of the log-mel spectrogram
RESAMPLER_HOLDS = 96  # samples of 48 kHz that the way to 16 kHz keeps back, and a little

_LOWEST_RATE, _HIGHEST_RATE = 4000, 384000


class Resampler:
    """One live sound of any rate and any number of channels as mono float32 in [-1, 1].

    The only part of the engine that holds its state inside, since libswresample does. One object
    belongs to one session. Output sample n is at input time n / rate_out s: filtering shifts
    nothing, it only holds back the last millisecond until more sound or `flush` comes.
    """

    def __init__(self, rate_in: int, rate_out: int = SAMPLE_RATE) -> None:
        """Raises BadAudio for a rate outside 4 kHz to 384 kHz."""
        if not _LOWEST_RATE <= rate_in <= _HIGHEST_RATE:
            raise BadAudio(
                f"the sound has a rate of {rate_in} Hz, expected {_LOWEST_RATE} to "
                f"{_HIGHEST_RATE} Hz: record or convert it at 16000 or 48000 Hz"
            )
        self._rate_in = rate_in
        from av.audio.resampler import AudioResampler

        self._swr = AudioResampler(format="flt", layout="mono", rate=rate_out)

    def push(self, samples: NDArray[np.float32] | NDArray[np.int16]) -> NDArray[np.float32]:
        """Take ``[n]`` or ``[n, channels]`` float32 or int16; give the ``[m]`` that are ready.

        Raises BadAudio for another type or shape and for samples that are not finite; the stream
        stays usable: the refused chunk never entered it.
        """
        mono = _mono(samples)
        if mono.size == 0:
            return np.zeros(0, np.float32)
        import av

        frame = av.AudioFrame.from_ndarray(mono[None, :], format="flt", layout="mono")
        frame.sample_rate = self._rate_in
        return _joined(self._swr.resample(frame))

    def flush(self) -> NDArray[np.float32]:
        """``[m]`` float32, what the filter still held. The resampler is spent afterwards."""
        return _joined(self._swr.resample(None))


def decode(path: str | Path, rate: int = SAMPLE_RATE) -> Iterator[NDArray[np.float32]]:
    """The first sound track of a media file as mono float32 chunks ``[n]`` at ``rate``, n > 0.

    Any container and codec that FFmpeg reads, any length in constant memory. Raises BadAudio when
    the file is missing, unreadable, has no sound track, holds no samples or samples that are not
    finite.
    """
    import av
    from av.audio.resampler import AudioResampler

    try:
        container = av.open(str(path), metadata_errors="ignore")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BadAudio(_undecodable(path, error)) from error
    with container:
        if not container.streams.audio:
            raise BadAudio(
                f"{path} has no sound track, expected speech: give a wav, mp3, ogg or m4a file"
            )
        swr = AudioResampler(format="fltp", rate=rate)  # keeps the channels: see _joined
        total = 0
        try:
            for frame in container.decode(container.streams.audio[0]):
                frame.pts = None  # gaps and jitter of the container do not enter the sample count
                chunk = _finite(_joined(swr.resample(frame)))
                total += chunk.size
                if chunk.size:
                    yield chunk
            tail = _joined(swr.resample(None)) if total else np.zeros(0, np.float32)
        except (av.FFmpegError, ValueError) as error:
            raise BadAudio(_undecodable(path, error)) from error
        total += tail.size
        if tail.size:
            yield tail
        if total == 0:
            raise BadAudio(f"{path} holds no sound, expected speech: record it again")


def _mono(samples: NDArray[np.float32] | NDArray[np.int16]) -> NDArray[np.float32]:
    """``[n]`` contiguous float32; the channels' mean."""
    if samples.ndim not in (1, 2) or samples.dtype not in (np.float32, np.int16):
        raise BadAudio(
            f"got samples of type {samples.dtype} and shape {samples.shape}, expected float32 or "
            "int16, [n] or [n, channels]"
        )
    scale = np.float32(1 / 32768) if samples.dtype == np.int16 else np.float32(1)
    values = samples.astype(np.float32) * scale
    return np.ascontiguousarray(_finite(values.mean(axis=1) if values.ndim == 2 else values))


def _finite(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same samples, within [-1, 1]; BadAudio when one is NaN or infinite."""
    if not np.isfinite(samples).all():
        raise BadAudio(
            f"{int((~np.isfinite(samples)).sum())} of {samples.size} samples are NaN or infinite, "
            "expected finite float32 in [-1, 1]: check the recording chain"
        )
    return np.clip(samples, -1.0, 1.0)


def _joined(frames: list[av.AudioFrame]) -> NDArray[np.float32]:
    """The frames in one row, channels averaged: the own mix of libswresample is 3 dB louder."""
    parts = [f.to_ndarray().mean(axis=0) for f in frames]
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, np.float32)


def _undecodable(path: str | Path, error: Exception) -> str:
    return f"{path} can not be read as sound ({error}), expected a wav, mp3, ogg or m4a file"
