"""The identity photo: decoded, and judged fit or not before any work is spent on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadPhoto, MissingExtra
from export.faces import find_faces
from export.fit import fit
from export.landmarks import EYES

__all__ = ["Portrait", "find_face", "read_photo"]

_LEAST_FACE = 96  # pixels from brow to chin
_MOST_YAW, _MOST_PITCH, _MOST_ROLL = np.radians([28, 24, 35])
_SHUT = 0.11  # eye opening over eye width: closed ones reach 0.08, open ones begin at 0.16
_LARGEST = 60_000_000  # pixels
_WORKING_SIDE = 2048


@dataclass(frozen=True)
class Portrait:
    """image: ``[H, W, 3]`` uint8 RGB, upright. landmarks: ``[478, 3]`` in its pixels."""

    image: NDArray[np.uint8]
    landmarks: NDArray[np.float32]


def read_photo(path: Path) -> NDArray[np.uint8]:
    """``[H, W, 3]`` uint8 RGB: upright, transparency laid over grey, at most 2048 pixels wide.

    Raises BadPhoto for what is no readable picture.
    """
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError as error:
        raise MissingExtra("reading a photo", "export") from error
    if not path.is_file():
        got = f"{path} is a folder" if path.is_dir() else f"there is no file {path}"
        raise BadPhoto(f"{got}, expected a photo (jpg, png, webp)")
    if path.stat().st_size == 0:
        raise BadPhoto(f"{path.name} is empty, expected a photo (jpg, png, webp): save it again")
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > _LARGEST:
                raise BadPhoto(
                    f"{path.name} has {picture.width} x {picture.height} pixels, expected at most "
                    f"{_LARGEST // 1_000_000} million: scale it down"
                )
            picture.draft("RGB", (_WORKING_SIDE, _WORKING_SIDE))
            upright = ImageOps.exif_transpose(picture)
            if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
                rgba = upright.convert("RGBA")
                upright = Image.new("RGBA", rgba.size, (128, 128, 128, 255))
                upright.alpha_composite(rgba)
            if upright.mode.startswith("I"):  # 16 bit grey, which Pillow would clip
                grey = np.asarray(upright, np.float64) / 257
                upright = Image.fromarray(grey.clip(0, 255).round().astype(np.uint8))
            upright = upright.convert("RGB")
            upright.thumbnail((_WORKING_SIDE, _WORKING_SIDE), Image.Resampling.LANCZOS)
            return np.array(upright, np.uint8)
    except UnidentifiedImageError as error:
        raise BadPhoto(
            f"{path.name} is not a picture that can be read, expected jpg, png or webp: "
            "convert it (HEIC from a phone: share it as JPEG)"
        ) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadPhoto(
            f"{path.name} can not be decoded ({error}), expected a whole picture: copy it again"
        ) from error


def find_face(image: NDArray[np.uint8]) -> Portrait:
    """The one face of a photo.

    Raises BadPhoto when there is none, when there are several, or when it is too small, turned away
    or has its eyes shut.
    """
    faces = find_faces(image)
    if not faces:
        raise BadPhoto(
            "no face was found, expected one that looks into the camera: "
            "use a well-lit, frontal photo"
        )
    heights = [float(np.ptp(face[:468, 1])) for face in faces]
    largest = int(np.argmax(heights))
    # People far in the background do not matter.
    rivals = [h for k, h in enumerate(heights) if k != largest and h > 0.4 * heights[largest]]
    if rivals:
        raise BadPhoto(
            f"{len(rivals) + 1} faces were found, expected one: crop the photo to the person"
        )
    landmarks = faces[largest]
    if heights[largest] < _LEAST_FACE:
        raise BadPhoto(
            f"the face is {heights[largest]:.0f} pixels high, expected {_LEAST_FACE} or more: "
            "use a larger or closer photo"
        )
    pitch, yaw, roll = np.abs(fit(landmarks).head())
    if yaw > _MOST_YAW or pitch > _MOST_PITCH or roll > _MOST_ROLL or _turned_away(landmarks):
        raise BadPhoto(
            f"the head is turned by {np.degrees(yaw):.0f} degrees to the side and "
            f"{np.degrees(pitch):.0f} up or down, expected a frontal view: look into the camera"
        )
    opening = max(_eye_opening(landmarks, eye) for eye in (0, 1))
    if opening < _SHUT:
        raise BadPhoto(
            f"the eyes are shut (opening {opening:.2f} of their width, expected {_SHUT} or more): "
            "use a photo with open eyes"
        )
    return Portrait(image, landmarks)


def _turned_away(landmarks: NDArray[np.float32]) -> bool:
    """A profile hides one half of the face: the nose tip is far off the middle of the cheeks."""
    left, right, nose = landmarks[[234, 454, 1], 0]
    share = (nose - left) / max(float(right - left), 1e-3)
    return not 0.22 < share < 0.78


def _eye_opening(landmarks: NDArray[np.float32], eye: int) -> float:
    upper, lower = (landmarks[list(row), :2] for row in EYES[eye])
    width = float(np.linalg.norm(upper[0] - upper[-1]))
    gap = np.linalg.norm(upper[2:-2] - lower[2:-2], axis=1).mean()
    return float(gap) / max(width, 1e-3)
