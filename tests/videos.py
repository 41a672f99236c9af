"""Small videos of somebody who does not exist, talking: a built-in avatar, filmed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from engine.avatar import Avatar, builtin_avatars
from engine.motion import Motion, coefficients

__all__ = ["SIDE", "motion", "talking", "write"]

SIDE = 288
Filter = Callable[[int, NDArray[np.uint8]], NDArray[np.uint8]]


def motion(k: int) -> Motion:
    """Of frame k: syllables, a blink now and then, a head that sways."""
    syllable = max(0.0, np.sin(0.9 * k)) * (0.4 + 0.3 * np.sin(0.13 * k)) * (k > 5)
    face = coefficients(
        jawOpen=0.55 * syllable,
        mouthPucker=0.5 * max(0.0, np.sin(0.31 * k)),
        eyeBlink=1.0 if k % 40 in (20, 21) else 0.0,
    )
    sway = np.array([0.02 * np.sin(0.07 * k), 0.05 * np.sin(0.11 * k), 0.0], np.float32)
    return Motion(face, sway)


def talking(frames: int, change: Filter = lambda k, image: image) -> Iterator[NDArray[np.uint8]]:
    """``[288, 288, 3]`` uint8 RGB each. change: what else happens in frame k."""
    avatar = Avatar.load(next(iter(builtin_avatars().values())))
    for k in range(frames):
        said = motion(k)
        image = avatar.compositor.draw(avatar.face.canvas(said.face), said.head)
        small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        yield change(k, np.asarray(small, np.uint8))


def write(
    path: Path,
    frames: Iterator[NDArray[np.uint8]],
    times: Callable[[int], float] = lambda k: k / 25,
    rate: int = 25,
) -> Path:
    """An MPEG-4 file without sound. times: seconds at which frame k is shown."""
    tick = Fraction(1, 1000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.bit_rate, stream.time_base, stream.codec_context.time_base = 4_000_000, tick, tick
        for k, image in enumerate(frames):
            if k == 0:
                stream.height, stream.width = image.shape[:2]
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            picture.pts, picture.time_base = round(times(k) * 1000), tick
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path
