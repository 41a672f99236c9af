"""A sound file in, a video file out, in constant memory: the live pipeline without the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, SAMPLE_RATE, decode
from engine.control import NEUTRAL, Control
from engine.output import written_whole
from engine.pipeline import Pipeline, TimedMotion

__all__ = ["render", "sound_seconds"]

_FPS = SAMPLE_RATE // FRAME_SAMPLES
_VOICE_RATE = 48000
_INPUT_CHUNK = 10 * FRAME_SAMPLES


def sound_seconds(audio: Path) -> float | None:
    """Length as the container tells it, or None where it does not."""
    try:
        with av.open(str(audio)) as container:
            return container.duration / av.time_base if container.duration else None
    except (av.FFmpegError, OSError, ValueError):
        return None  # decode() will say what is wrong with it


def render(
    pipeline: Pipeline,
    audio: Path,
    out: Path,
    *,
    seed: int = 0,
    control: Control = NEUTRAL,
    progress: Callable[[float], None] = lambda seconds: None,
) -> int:
    """Write ``out`` (mp4: H.264, AAC) and return its number of frames.

    audio: any sound that FFmpeg reads. control: holds from the first frame on. progress: told the
    seconds that are done.

    Raises BadAudio, and BadInput where ``out`` can not be written; a file that already exists is
    then left as it was.
    """
    chunks = _chunks(audio)
    head = next(chunks)  # a bad file fails here, before anything is written
    frames = spoken = 0
    with written_whole(out) as partial, av.open(str(partial), "w", format="mp4") as container:
        picture = _video_stream(container, pipeline)
        voice = container.add_stream("aac", rate=_VOICE_RATE)
        voice.bit_rate = 128_000
        track = _voice(audio)
        for motion in _motions(pipeline, head, chunks, seed, control):
            frame = av.VideoFrame.from_ndarray(pipeline.draw(motion.motion), format="rgb24")
            frame.pts = frames
            frame.time_base = Fraction(1, _FPS)
            container.mux(picture.encode(frame))
            frames += 1
            # Keep the two tracks side by side in the file.
            while spoken * _FPS <= frames * _VOICE_RATE and (sound := next(track, None)):
                spoken += sound.samples
                container.mux(voice.encode(sound))
            progress(frames / _FPS)
        for sound in track:
            container.mux(voice.encode(sound))
        container.mux(picture.encode(None))
        container.mux(voice.encode(None))
    return frames


def _chunks(audio: Path) -> Iterator[NDArray[np.float32]]:
    for chunk in decode(audio):
        yield from np.split(chunk, range(_INPUT_CHUNK, len(chunk), _INPUT_CHUNK))


def _motions(
    pipeline: Pipeline,
    head: NDArray[np.float32],
    rest: Iterator[NDArray[np.float32]],
    seed: int,
    control: Control,
) -> Iterator[TimedMotion]:
    motions, state = pipeline.listen(head, pipeline.initial_state(seed, control), control)
    yield from motions
    for chunk in rest:
        motions, state = pipeline.listen(chunk, state, control)
        yield from motions
    yield from pipeline.finish(state, control)


def _video_stream(container: OutputContainer, pipeline: Pipeline) -> VideoStream:
    stream = container.add_stream("libx264", rate=_FPS)
    stream.width, stream.height = pipeline.avatar.width, pipeline.avatar.height
    stream.pix_fmt = "yuv420p"
    stream.options = {"crf": "17", "preset": "veryfast", "movflags": "+faststart"}
    return stream


def _voice(audio: Path) -> Iterator[av.AudioFrame]:
    """The sound at full quality, as the AAC encoder wants it."""
    resampler = AudioResampler(format="fltp", layout="stereo", rate=_VOICE_RATE, frame_size=1024)
    position = 0
    with av.open(str(audio), metadata_errors="ignore") as container:
        source: AudioStream = container.streams.audio[0]
        for packed in container.decode(source):
            packed.pts = None
            for frame in resampler.resample(packed):
                frame.pts, frame.time_base = position, Fraction(1, _VOICE_RATE)
                position += frame.samples
                yield frame
        for frame in resampler.resample(None):
            frame.pts, frame.time_base = position, Fraction(1, _VOICE_RATE)
            position += frame.samples
            yield frame
