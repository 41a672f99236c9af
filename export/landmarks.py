"""Face landmarks: MediaPipe's attention face mesh, and the names of the points we use.

Lugaresi et al., "MediaPipe: A Framework for Perceiving and Processing Reality" (2019); Grishchenko
et al., "Attention Mesh: High-fidelity Face Mesh Prediction in Real-time" (2020).
"""

from __future__ import annotations

import os
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from engine.errors import MissingExtra

__all__ = [
    "EYES",
    "INNER_LIP_LOWER",
    "INNER_LIP_UPPER",
    "MOUTH_CORNERS",
    "OUTER_CANTHI",
    "OUTER_LIPS",
    "FaceMesh",
    "canthus_distance",
    "lip_gap",
    "mouth_width",
]

# "Left" and "right" are the subject's; the subject's right is on the left of the picture.
OUTER_CANTHI = (33, 263)
MOUTH_CORNERS = (61, 291)
# Along the lips from the subject's right corner to the left one.
INNER_LIP_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LIP_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
OUTER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291,
              375, 321, 405, 314, 17, 84, 181, 91, 146)  # fmt: skip
# Lid margins from the outer to the inner corner: (upper, lower), right eye then left eye.
EYES = (
    ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133)),
    ((263, 466, 388, 387, 386, 385, 384, 398, 362), (263, 249, 390, 373, 374, 380, 381, 382, 362)),
)


class FaceMesh:
    """A face mesh detector; use as a context manager.

    video: track from frame to frame instead of detecting anew in each picture.
    max_faces: how many faces to look for.

    Raises MissingExtra where mediapipe is not installed.
    """

    def __init__(self, *, video: bool = False, max_faces: int = 1) -> None:
        os.environ.setdefault("GLOG_minloglevel", "2")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        try:
            from mediapipe.python.solutions import face_mesh
        except ImportError as error:
            raise MissingExtra("finding a face", "photo") from error
        self._mesh = face_mesh.FaceMesh(
            static_image_mode=not video,
            refine_landmarks=True,
            max_num_faces=max_faces,
            min_detection_confidence=0.4,
            min_tracking_confidence=0.3,
        )

    def __enter__(self) -> FaceMesh:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._mesh.close()

    def detect_all(self, rgb: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Landmarks of every face in ``rgb [H, W, 3]``: ``[478, 3]`` float32 each.

        x and y in pixels, y down; z in pixels of about the same scale, smaller is nearer.
        Points 468 to 477 are the irises.
        """
        height, width = rgb.shape[:2]
        found = self._mesh.process(np.ascontiguousarray(rgb)).multi_face_landmarks or []
        scale = np.array([width, height, width], np.float32)
        return [
            np.array([(p.x, p.y, p.z) for p in face.landmark], np.float32) * scale for face in found
        ]

    def detect(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """The first face of :meth:`detect_all`, or None."""
        faces = self.detect_all(rgb)
        return faces[0] if faces else None


def canthus_distance(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance of the outer eye corners in pixels, the unit of all face measures: ``[...]``."""
    a, b = OUTER_CANTHI
    return np.linalg.norm(landmarks[..., a, :2] - landmarks[..., b, :2], axis=-1)


def lip_gap(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inner lip gap |13 - 14| over the canthus distance: ``[...]``."""
    gap = np.linalg.norm(landmarks[..., 13, :2] - landmarks[..., 14, :2], axis=-1)
    return gap / canthus_distance(landmarks)


def mouth_width(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mouth width |61 - 291| over the canthus distance: ``[...]``."""
    a, b = MOUTH_CORNERS
    width = np.linalg.norm(landmarks[..., a, :2] - landmarks[..., b, :2], axis=-1)
    return width / canthus_distance(landmarks)
