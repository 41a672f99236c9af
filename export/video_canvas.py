"""Real frames on the avatar's canvas: eyes in place, the head's turn taken back, light evened out.

What is left between such a picture and the canvas of the photo is what the generator is to learn.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from export.basis import LandmarkBasis
from export.outline import OVAL, RINGS, ring_triangles
from export.raster import fill, interpolate, triangle_index

__all__ = ["even_light", "face_mask", "unposed"]

_COARSE = 64  # pixels; the turn of a head by a few degrees is smooth


def unposed(
    image: NDArray[np.uint8],
    landmarks: NDArray[np.float32],
    posed: NDArray[np.floating],
    size: int,
) -> NDArray[np.uint8]:
    """A video's frame as it would look in the rest frame's pose: ``[size, size, 3]`` uint8 RGB.

    image: ``[H, W, 3]``. landmarks: ``[478, 3]`` in its pixels. posed: ``[468, 2]`` where these
    are in the rest frame's pose (``export.video_motion.Tracked``), in the canvas's unit square.
    """
    source = landmarks[:468, :2].astype(np.float64)
    # Mostly one similarity; what the turn of the head adds to it varies over the face.
    design = np.c_[posed @ (1, 1j), np.ones(len(posed))]
    turn, shift = np.linalg.lstsq(design, source @ (1, 1j), rcond=None)[0]
    rest = source @ (1, 1j) - design @ (turn, shift)
    bend = _spread(posed, np.stack([rest.real, rest.imag], -1))
    axis = (np.arange(size) + 0.5) / size
    unit = np.add.outer(1j * axis, axis)
    flat = turn * unit + shift
    where = np.stack([flat.real, flat.imag], -1) + cv2.resize(bend, (size, size))
    step = abs(turn) / size
    if step > 1.5:  # remap does not average: shrink first
        image = cv2.resize(image, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
        where = where / step
    index = (where - 0.5).astype(np.float32)
    picture = cv2.remap(image, index, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(picture, np.uint8)


def _spread(points: NDArray[np.floating], values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The landmarks' values over the canvas, fading out around the face: ``[64, 64, 2]``."""
    oval, faded = points[list(OVAL)], values[list(OVAL)]
    centre = oval.mean(0)
    everywhere = [points, *(centre + reach * (oval - centre) for reach, _ in RINGS)]
    carried = [values, *(share * faded for _, share in RINGS)]
    pixels = np.concatenate(everywhere) * _COARSE
    triangles = np.concatenate([LandmarkBasis.load().triangles, ring_triangles()])
    index = triangle_index(pixels, triangles, _COARSE)
    field = interpolate(index, pixels, triangles, np.concatenate(carried))
    return fill(field, (index >= 0).astype(np.float32))


def even_light(
    picture: NDArray[np.uint8], photo: NDArray[np.uint8], skin: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """``picture`` with each channel scaled so that its skin is as bright as the photo's.

    picture, photo: ``[N, N, 3]``. skin: ``[N, N]``, where the median ratio is taken.
    """
    ratio = np.median(photo[skin] / np.maximum(picture[skin], 1.0), axis=0)
    return np.clip(np.rint(picture * ratio), 0, 255).astype(np.uint8)


def face_mask(points: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """``[size, size]``, 1 on the face and 0 on hair, neck and background, soft at the border.

    points: ``[468, 2]`` landmarks in the canvas's unit square.
    """
    outline = np.round(points[list(OVAL)] * size * 16).astype(np.int32)
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [outline], 255, cv2.LINE_AA, shift=4)
    margin = max(1, round(0.02 * size))
    inner = cv2.erode(mask, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
    return np.asarray(cv2.GaussianBlur(inner, (0, 0), 0.02 * size) / np.float32(255))
