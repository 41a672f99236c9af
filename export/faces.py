"""Every face in a photo, large or small.

The face mesh looks for faces with a detector for arm's length (BlazeFace, short range), which
overlooks one that fills less than about a seventh of the picture. MediaPipe's detector for up to
five metres finds those; the mesh is then fitted to what it found, enlarged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import MissingExtra
from export.landmarks import FaceMesh

__all__ = ["find_faces"]

_MOST = 4
_CONFIDENCE = 0.5
_MARGIN = 0.9  # around a found face on each side, in widths of it: what the mesh wants to see

Box = tuple[int, int, int, int]  # x0, y0, x1, y1, pixels


def find_faces(image: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Landmarks ``[478, 3]`` of each face in ``image [H, W, 3]`` RGB, in its pixels.

    Raises MissingExtra where mediapipe is not installed.
    """
    with FaceMesh(max_faces=_MOST) as mesh:
        faces = mesh.detect_all(image)
        for x0, y0, x1, y1 in _boxes(image, tiled=not faces):
            if any(_is_in(face, (x0, y0, x1, y1)) for face in faces):
                continue
            mx, my = int(_MARGIN * (x1 - x0)), int(_MARGIN * (y1 - y0))
            left, top = max(x0 - mx, 0), max(y0 - my, 0)
            for face in mesh.detect_all(image[top : y1 + my, left : x1 + mx]):
                shifted = face + np.array([left, top, 0], np.float32)
                if _is_in(shifted, (x0, y0, x1, y1)) and len(faces) < _MOST:
                    faces.append(shifted)
                    break
    return faces


def _is_in(face: NDArray[np.float32], box: Box) -> bool:
    """Whether the middle of a face lies in a box."""
    x, y = face[:468, :2].mean(0)
    return bool(box[0] <= x <= box[2] and box[1] <= y <= box[3])


def _boxes(image: NDArray[np.uint8], tiled: bool) -> Iterator[Box]:
    """Faces that the far-sighted detector sees, in the whole and, if asked to, in parts of it."""
    try:
        from mediapipe.python.solutions.face_detection import FaceDetection
    except ImportError as error:
        raise MissingExtra("finding a face", "photo") from error
    height, width = image.shape[:2]
    views: list[Box] = [(0, 0, width, height)]
    if tiled:  # three by three halves, overlapping by half
        views += [
            (x, y, x + width // 2, y + height // 2)
            for y in (0, height // 4, height // 2)
            for x in (0, width // 4, width // 2)
        ]
    with FaceDetection(_CONFIDENCE, model_selection=1) as detector:
        for view in views:
            yield from _seen(detector, image, view)


def _seen(detector: Any, image: NDArray[np.uint8], view: Box) -> Iterator[Box]:
    x0, y0, x1, y1 = view
    part = np.ascontiguousarray(image[y0:y1, x0:x1])
    for found in detector.process(part).detections or ():
        box = found.location_data.relative_bounding_box
        left, top = x0 + box.xmin * (x1 - x0), y0 + box.ymin * (y1 - y0)
        right, bottom = left + box.width * (x1 - x0), top + box.height * (y1 - y0)
        yield int(max(left, 0)), int(max(top, 0)), int(right), int(bottom)
