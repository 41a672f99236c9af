"""Set a blended face into one donor's hair, ears, neck and clothes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from export.align import eye_centres
from export.landmarks import canthus_distance
from training.builtin.blend import SKIN_POINTS, Face
from training.builtin.portraits import Portrait
from training.builtin.warp import lookup, sample

__all__ = ["OVAL", "Body", "dress", "frame_eyes", "insert_face", "recolour", "retouch"]

# The outline of the face from the top of the forehead, clockwise in the picture.
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67,
        109)  # fmt: skip
_STIFFNESS = 4000.0  # of the bend; the outline of a head slightly turned is noisy
_STILL_RING = 1.8  # from here outward, in face radii, the donor is not bent
_LOG_FLOOR = 0.03
_EVENNESS = 0.75  # how much of a cast is taken off ears and neck
# A colour still counts as skin this much darker or brighter than the face's, and this far from it
# in chroma, all in log space: skin has deep shadows, but what is much brighter is a collar.
_DARKER, _BRIGHTER, _CHROMA = 0.75, 0.28, 0.16
_HEAD_REACH = 1.04  # of the face over its landmarks' outline
_WHITE = (0.55, 0.72)  # cloth brighter than this keeps its white
_EYE_ROW = 0.44  # where the eyes are in the frame, from the top


@dataclass(frozen=True)
class Body:
    """A donor bent to the blend's shape. picture: ``[size, size, 3]`` float32 RGB 0 to 1."""

    picture: NDArray[np.float32]
    shape: NDArray[np.float64]


def _frame_matrix(donor: Portrait, size: int) -> NDArray[np.float64]:
    """``[2, 3]`` frame pixels to photo pixels: the photo's largest square with the head."""
    height, width = donor.image.shape[:2]
    side = float(min(height, width))
    eyes = eye_centres(donor.landmarks).mean(0)
    x0 = np.clip(eyes[0] - side / 2, 0, width - side)
    y0 = np.clip(eyes[1] - _EYE_ROW * side, 0, height - side)
    return np.array([[side / size, 0, x0], [0, side / size, y0]])


def frame_eyes(donor: Portrait, size: int) -> NDArray[np.float64]:
    """Eye centres of the donor in its frame: ``[2, 2]`` pixels."""
    matrix = _frame_matrix(donor, size)
    return (eye_centres(donor.landmarks) - matrix[:, 2]) / matrix[0, 0]


def dress(donor: Portrait, shape: NDArray[np.float64], size: int) -> Body:
    """Frame the donor to head and shoulders and bend its head to ``shape [478, 2]``."""
    matrix = _frame_matrix(donor, size)
    own = (donor.landmarks[:, :2] - matrix[:, 2]) / matrix[0, 0]
    oval = own[list(OVAL)]
    centre = oval.mean(0)
    still = np.concatenate([centre + k * (oval - centre) for k in (_STILL_RING, 2.4)])
    edge = np.linspace(0, size, 9)
    border = np.concatenate(
        [np.stack([edge, np.full(9, v)], 1) for v in (0.0, size)]
        + [np.stack([np.full(9, v), edge], 1) for v in (0.0, size)]
    )
    fixed = np.concatenate([still, border])
    inside = ((fixed > 0) & (fixed < size)).all(1) | (np.arange(len(fixed)) >= len(still))
    fixed = fixed[inside]
    # Only the outline has to meet: the rest is covered by the blend.
    points = np.concatenate([oval, fixed]) * matrix[0, 0] + matrix[:, 2]
    where = lookup(np.concatenate([shape[list(OVAL)], fixed]), points, size, _STIFFNESS)
    return Body(sample(donor.image, where), shape)


def insert_face(
    body: Body, face: Face, alpha: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The body with the face in it, and how much each pixel is skin.

    Returns ``[size, size, 3]`` float32 RGB 0 to 1 and ``[size, size]`` float32. Slow variations of
    tone are mixed over a wide seam, detail over a narrow one (Burt and Adelson, ACM ToG 1983).
    """
    size = body.picture.shape[0]
    unit = float(canthus_distance(body.shape))
    donor, own = (np.log(p + _LOG_FLOOR) for p in (body.picture, face.picture))
    at = body.shape[list(SKIN_POINTS)].round().astype(int).clip(0, size - 1)
    donor_tone, own_tone = (
        np.median(cv2.GaussianBlur(p, (0, 0), 6)[at[:, 1], at[:, 0]], axis=0) for p in (donor, own)
    )
    own = own + (donor_tone - own_tone).astype(np.float32)
    mask = _face_region(body.shape, size)
    wide = _feather(mask, 0.13 * unit)[..., None]
    narrow = _feather(mask, 0.05 * unit)[..., None]
    sigma = 0.12 * unit
    donor_slow, own_slow = (cv2.GaussianBlur(p, (0, 0), sigma) for p in (donor, own))
    slow = donor_slow * (1 - wide) + own_slow * wide
    fast = (donor - donor_slow) * (1 - narrow) + (own - own_slow) * narrow
    mixed = slow + fast
    # All of the face is skin, also where blue light of the studio fell on its side.
    likeness = np.maximum(_skin_likeness(donor, donor_tone), _head_region(body.shape, size))
    skin = np.maximum(likeness, narrow[..., 0]) * alpha
    cast = _cast(donor, skin, donor_tone, 0.06 * unit)
    mixed = mixed - _EVENNESS * skin[..., None] * (1 - wide) * cast
    return np.clip(np.exp(mixed) - _LOG_FLOOR, 0, 1).astype(np.float32), skin


def _feather(mask: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Fade a mask inward, to nothing at its edge."""
    distance = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    step = np.clip(distance / (3 * sigma), 0, 1)
    smooth = step * step * (3 - 2 * step)
    return cv2.GaussianBlur(smooth, (0, 0), sigma / 2)


def _cast(
    logs: NDArray[np.float32], skin: NDArray[np.float32], tone: NDArray[np.float64], sigma: float
) -> NDArray[np.float32]:
    """Log colour, without brightness, by which nearby skin differs from the face's."""
    weight = cv2.GaussianBlur(skin, (0, 0), sigma)[..., None]
    slow = cv2.GaussianBlur(logs * skin[..., None], (0, 0), sigma) / np.maximum(weight, 1e-3)
    differs = slow - tone.astype(np.float32)
    return (differs - differs.mean(-1, keepdims=True)) * np.clip(weight * 4, 0, 1)


def _face_region(shape: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """Where the blend is shown: the face without its hairline, ``[size, size]`` float32 0 or 1."""
    outline = shape[list(OVAL)]
    centre = outline.mean(0)
    outline = centre + 0.93 * (outline - centre)
    brow = shape[[105, 334], 1].mean()
    top = shape[10, 1]
    limit = brow - 0.62 * (brow - top)
    outline[:, 1] = np.maximum(outline[:, 1], limit)
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def _head_region(shape: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """The whole face with soft edges: ``[size, size]`` float32 0 to 1."""
    outline = shape[list(OVAL)]
    outline = outline.mean(0) + _HEAD_REACH * (outline - outline.mean(0))
    head = np.zeros((size, size), np.float32)
    cv2.fillPoly(head, [outline.round().astype(np.int32)], 1.0)
    return cv2.GaussianBlur(head, (0, 0), 0.05 * float(canthus_distance(shape)))


def _skin_likeness(logs: NDArray[np.float32], tone: NDArray[np.float64]) -> NDArray[np.float32]:
    """How near each pixel's colour is to the face's own: ``[size, size]`` float32 0 to 1."""
    smooth = cv2.GaussianBlur(logs, (0, 0), 2.5) - tone.astype(np.float32)
    light = smooth.mean(-1)
    chroma = smooth - light[..., None]
    distance = (light / np.where(light < 0, _DARKER, _BRIGHTER)) ** 2
    distance = distance + (chroma**2).sum(-1) / _CHROMA**2
    likeness = np.clip(1.6 * np.exp(-0.5 * distance), 0, 1)
    return cv2.GaussianBlur(likeness.astype(np.float32), (0, 0), 3.0)


def recolour(
    picture: NDArray[np.float32],
    where: NDArray[np.float32],
    shape: NDArray[np.float64],
    hair: tuple[float, float, float],
    clothes: tuple[float, float, float],
) -> NDArray[np.float32]:
    """Multiply the RGB of hair and clothes: hair is above the chin, clothes are below.

    where: ``[size, size]``, how much a pixel is neither skin nor paper.
    """
    chin = float(shape[152, 1])
    fall = 0.15 * float(canthus_distance(shape))
    row = (np.arange(picture.shape[0]) + 0.5)[:, None, None]
    below = np.clip((row - chin) / fall, 0, 1)
    bright = cv2.GaussianBlur(picture, (0, 0), 2.0).mean(-1)
    where = where * np.clip((_WHITE[1] - bright) / (_WHITE[1] - _WHITE[0]), 0, 1)
    where = where * (1 - _head_region(shape, picture.shape[0]))
    gain = np.array(hair) * (1 - below) + np.array(clothes) * below
    return np.clip(picture * (1 + where[..., None] * (gain - 1)), 0, 1).astype(np.float32)


def retouch(
    picture: NDArray[np.float32], spots: Sequence[tuple[float, float, float]]
) -> NDArray[np.float32]:
    """Paint out small things that belong to the donor: a lapel pin, a mole.

    spots: centre x, y and radius in picture sides. After Telea, "An Image Inpainting Technique"
    (2004).
    """
    size = picture.shape[0]
    mask = np.zeros(picture.shape[:2], np.uint8)
    for x, y, radius in spots:
        cv2.circle(mask, (round(x * size), round(y * size)), round(radius * size), 255, -1)
    eight = (picture * 255).round().astype(np.uint8)
    painted = cv2.inpaint(eight, mask, 4, cv2.INPAINT_TELEA).astype(np.float32) / 255
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 1.5)[..., None]
    return picture * (1 - soft) + painted * soft
