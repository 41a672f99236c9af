"""Video files as upright RGB frames at an even 25 a second, whatever a phone made of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from engine.errors import BadPhoto

__all__ = ["FPS", "LONGEST", "VideoFrame", "is_video", "read_video"]

log = logging.getLogger(__name__)

FPS = 25
LONGEST = 300.0  # seconds; what comes after is not read
_WORKING_SIDE = 1280  # a 4K face says nothing more that the avatar's frame could show
_SUFFIXES = frozenset(
    (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".3gp", ".ogv")
)
_EXPECTED = "expected a video (mp4, mov, mkv, webm) of 10 seconds or more"


@dataclass(frozen=True)
class VideoFrame:
    """index: among the frames of all files. seconds: since the first of them.
    image: ``[H, W, 3]`` uint8 RGB, upright, square pixels; None where it was not asked for."""

    index: int
    seconds: float
    image: NDArray[np.uint8] | None


def is_video(path: Path) -> bool:
    """Whether the file's name says that it is one."""
    return path.suffix.lower() in _SUFFIXES


def read_video(
    paths: Sequence[Path],
    *,
    wanted: Collection[int] | None = None,
    progress: Callable[[float], None] = lambda share: None,
    note: Callable[[str], None] = log.warning,
) -> Iterator[VideoFrame]:
    """Frames of one or more files, one after the other, at 25 a second or a file's own lower rate.

    wanted: indices of the frames whose picture is needed; all by default.
    progress: told the share that is done. note: told what the user should know.

    Raises BadPhoto for what is no video or breaks off at once.
    """
    index, start = 0, 0.0
    for number, path in enumerate(paths):
        seconds = start
        for time, length, frame in _sampled(path, LONGEST - start, note):
            image = _upright(frame) if wanted is None or index in wanted else None
            seconds = start + time
            yield VideoFrame(index, seconds, image)
            index += 1
            progress((number + min(1.0, time / length)) / len(paths))
        start = seconds + 1 / FPS
        if start >= LONGEST:
            note(f"the video is longer: only its first {LONGEST / 60:.0f} minutes were read")
            break
    progress(1.0)


def _sampled(
    path: Path, longest: float, note: Callable[[str], None]
) -> Iterator[tuple[float, float, av.VideoFrame]]:
    """(seconds since the first frame, the file's length as it says itself, frame) of one file.

    A variable or higher rate is brought to ``FPS`` by leaving frames out.
    """
    if not path.is_file():
        got = f"{path} is a folder" if path.is_dir() else f"there is no file {path}"
        raise BadPhoto(f"{got}, {_EXPECTED}")
    first, due, last = None, 0.0, 0.0
    try:
        with av.open(str(path)) as container:
            stream = _pictures(container.streams.video, path)
            stream.thread_type = "AUTO"
            rate = float(stream.average_rate or FPS)
            length = max((container.duration or 0) / av.time_base, 1 / FPS)
            for count, frame in enumerate(container.decode(stream)):
                stamp = frame.time if frame.time is not None else count / rate
                first = stamp if first is None else first
                last = stamp - first
                if last >= longest:
                    return
                if last >= due - 0.25 / FPS:
                    # On time the grid goes on; after a pause of the camera it begins anew.
                    due = due + 1 / FPS if last < due + 1 / FPS else last + 1 / FPS
                    yield last, length, frame
            if last + 1.0 < length:
                note(f"{path.name} breaks off after {last:.1f} of {length:.1f} seconds: "
                     "what is there was used")  # fmt: skip
    except (av.FFmpegError, OSError, ValueError) as error:
        if first is None:
            raise BadPhoto(
                f"{path.name} can not be read as a video ({error}), {_EXPECTED}: "
                "if it was cut off while it was copied, copy it again"
            ) from error
        note(f"{path.name} breaks off after {last:.1f} seconds ({error}): what is there was used")
    if first is None:
        raise BadPhoto(f"{path.name} holds no picture that can be decoded, {_EXPECTED}")


def _pictures(streams: tuple[VideoStream, ...], path: Path) -> VideoStream:
    if not streams:
        raise BadPhoto(f"{path.name} holds sound but no picture, {_EXPECTED}")
    return max(streams, key=lambda s: s.width * s.height)


def _upright(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """``[H, W, 3]`` uint8 RGB, turned as the file says, at most ``_WORKING_SIDE`` long."""
    k = min(1.0, _WORKING_SIDE / max(frame.width, frame.height))
    small = frame.reformat(
        round(frame.width * k), round(frame.height * k), "rgb24", interpolation="AREA"
    )
    # Clockwise turns that the player is asked for come counter-clockwise in FFmpeg's matrix.
    return np.ascontiguousarray(np.rot90(small.to_ndarray(), round(frame.rotation / 90)))
