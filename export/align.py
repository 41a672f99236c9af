"""Where the face is: the photo's frame, and the eye-aligned canvas inside it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CANVAS_EYES",
    "Framing",
    "canvas_matrix",
    "eye_centres",
    "ffhq_matrix",
    "frame_photo",
    "scored_matrix",
]

# The canvas in units of the distance between the eye centres: wide enough for ears, brow and a
# dropped chin.
_CANVAS_SIDE = 3.4
_CANVAS_EYE_ROW = 0.265
# Eye centres in the canvas's unit square, subject's right eye first.
CANVAS_EYES = np.array(
    [[0.5 - 0.5 / _CANVAS_SIDE, _CANVAS_EYE_ROW], [0.5 + 0.5 / _CANVAS_SIDE, _CANVAS_EYE_ROW]]
)
# The frame shows head and shoulders: at most this many eye distances across, at least the canvas.
_FRAME_SIDE = 6.4
_FRAME_EYE_ROW = 0.40
_PADDED, _ENLARGED = 0.02, 1.4


def eye_centres(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Middle of each eye (33, 133 and 362, 263): ``[2, 2]`` pixels, subject's right first."""
    points = np.asarray(landmarks, np.float64)[:, :2]
    return np.stack([points[[33, 133]].mean(0), points[[362, 263]].mean(0)])


def canvas_matrix(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """``[2, 3]`` similarity from the canvas's unit square to the landmarks' pixels."""
    eyes = eye_centres(landmarks)
    span = eyes[1] - eyes[0]
    side = _CANVAS_SIDE * span  # the canvas's x axis in pixels
    linear = np.array([[side[0], -side[1]], [side[1], side[0]]])
    return np.c_[linear, eyes.mean(0) - linear @ CANVAS_EYES.mean(0)]


def scored_matrix(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """``[2, 3]`` similarity to the landmarks' pixels from the unit square of the crop that faces
    are measured on (``export.video_score``): eyes at (92, 100) and (164, 100) of 256."""
    eyes = eye_centres(landmarks)
    across = (eyes[1] - eyes[0]) * (256 / (164 - 92))
    linear = np.array([[across[0], -across[1]], [across[1], across[0]]])
    return np.c_[linear, eyes.mean(0) - linear @ (0.5, 100 / 256)]


def ffhq_matrix(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """``[2, 3]`` similarity to the landmarks' pixels from the unit square of a picture as those of
    FFHQ lie (Karras et al., "A Style-Based Generator Architecture", CVPR 2019, after their 2018
    paper's appendix C): turned and sized by eyes and mouth."""
    eyes = eye_centres(landmarks)
    mouth = np.asarray(landmarks, np.float64)[[61, 291], :2].mean(0)
    across, down = eyes[1] - eyes[0], mouth - eyes.mean(0)
    axis = across - np.array([-down[1], down[0]])  # both lines have their say in the angle
    length = max(2.0 * np.linalg.norm(across), 1.8 * np.linalg.norm(down))
    x, y = 2 * length * axis / np.linalg.norm(axis)
    linear = np.array([[x, -y], [y, x]])
    centre = eyes.mean(0) + 0.1 * down
    return np.c_[linear, centre - linear @ (0.5, 0.5)]


@dataclass(frozen=True)
class Framing:
    """image: ``[S, S, 3]`` uint8 RGB. landmarks: ``[478, 3]`` in its pixels.
    matrix: ``[2, 3]`` photo pixels to frame pixels. padded: share outside the photo."""

    image: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    matrix: NDArray[np.float64]
    padded: float

    def notes(self) -> tuple[str, ...]:
        """What is not wrong, but will show."""
        found = []
        if self.padded > _PADDED:
            found.append("the photo is tight around the face: its edge was continued")
        if self.matrix[0, 0] > _ENLARGED:
            found.append("the face is small in the photo and was enlarged: a closer one is sharper")
        return tuple(found)


def frame_photo(photo: NDArray[np.uint8], landmarks: NDArray[np.float32], size: int) -> Framing:
    """Crop the photo to a square of head and shoulders, ``size`` pixels wide.

    The frame stays inside the photo where the photo allows; a tight photo is continued by its edge.
    """
    height, width = photo.shape[:2]
    eyes = eye_centres(landmarks)
    distance = float(np.linalg.norm(eyes[1] - eyes[0]))
    unit = canvas_matrix(landmarks) @ np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1]]).T
    least = float(np.ptp(unit, axis=1).max())
    side = max(min(_FRAME_SIDE * distance, float(min(height, width))), least)
    x0 = eyes[:, 0].mean() - side / 2
    y0 = eyes[:, 1].mean() - _FRAME_EYE_ROW * side
    y0 = min(max(y0, unit[1].max() - side), unit[1].min())  # the canvas lies inside
    if side <= width:
        x0 = min(max(x0, 0.0), width - side)
    if side <= height:
        y0 = min(max(y0, 0.0), height - side)
    k = size / side
    matrix = np.array([[k, 0, -x0 * k], [0, k, -y0 * k]])
    # Pixel centres: OpenCV counts them from 0, our geometry from 0.5.
    centred = matrix.copy()
    centred[:, 2] += 0.5 * k - 0.5
    if k < 1:  # warpAffine does not average; shrink first
        small = cv2.resize(photo, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
        centred = np.array([[1, 0, matrix[0, 2]], [0, 1, matrix[1, 2]]])
        image = cv2.warpAffine(
            small, centred, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
    else:
        image = cv2.warpAffine(
            photo, centred, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
    moved = landmarks.copy()
    moved[:, :2] = landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    moved[:, 2] *= k
    inside_x = min(x0 + side, width) - max(x0, 0)
    inside_y = min(y0 + side, height) - max(y0, 0)
    return Framing(image, moved, matrix, 1 - max(inside_x, 0) * max(inside_y, 0) / side**2)
