"""The canvas cut out of a picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["canvas_picture"]


def canvas_picture(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], size: int
) -> NDArray[np.uint8]:
    """The canvas cut out of a picture: ``[size, size, 3]`` uint8 RGB, averaged where it shrinks."""
    fine = size * 4
    to_image = matrix.copy()
    to_image[:, :2] /= fine
    to_image[:, 2] += to_image[:, :2] @ (0.5, 0.5) - 0.5
    picture = cv2.warpAffine(
        image,
        to_image,
        (fine, fine),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
