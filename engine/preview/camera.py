"""A camera that other programs see: v4l2loopback on Linux, OBS on Windows and macOS.

Through ``pyvirtualcam``, which is GPL-2.0 and therefore not part of this package: an extra of its
own, imported when a camera is asked for.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, SAMPLE_RATE
from engine.errors import BadDevice, MissingExtra

__all__ = ["Camera", "VirtualCamera", "filled"]

_FPS = SAMPLE_RATE // FRAME_SAMPLES
_BACKGROUND = 24  # pixels of height from which the background is blown up
_DIMMED = 0.55
_DRIVER = {
    "linux": "sudo modprobe v4l2loopback exclusive_caps=1 card_label=Avatar",
    "win32": "install OBS Studio, which brings the OBS Virtual Camera",
    "darwin": "install OBS Studio and start its virtual camera once",
}


class Camera(Protocol):
    """Where pictures are sent besides the window. Tests have one that records."""

    name: str

    def send(self, image: NDArray[np.uint8]) -> None: ...
    def close(self) -> None: ...


class VirtualCamera:
    """25 pictures a second for every program that opens this camera.

    width, height: what those programs see, whatever the avatar's own size is.
    device: its name or file as the system knows it; the first one that is free by default.
    """

    def __init__(self, width: int, height: int, device: str | None = None) -> None:
        """Raises MissingExtra without pyvirtualcam, BadDevice without a driver or a free camera."""
        try:
            import pyvirtualcam
        except ImportError as error:
            raise MissingExtra("the virtual camera", "camera") from error
        self._size = width, height
        try:
            self._camera: Any = pyvirtualcam.Camera(width, height, _FPS, device=device)
        except Exception as error:  # whatever the backend of a system throws
            what = f"the virtual camera {device}" if device else "no virtual camera"
            raise BadDevice(
                f"{what} could {'not ' if device else ''}be opened ({' '.join(str(error).split())})"
                f", expected one that no other program writes to: "
                f"{_DRIVER.get(sys.platform, 'install a driver')}; see docs/virtual_camera.md"
            ) from error
        self.name = str(self._camera.device)

    def send(self, image: NDArray[np.uint8]) -> None:
        """``[H, W, 3]`` uint8 RGB of any size. Raises BadDevice when the camera has gone."""
        try:
            self._camera.send(filled(image, *self._size))
        except Exception as error:  # the same
            raise BadDevice(f"the virtual camera {self.name} has gone ({error})") from error

    def close(self) -> None:
        self._camera.close()


def filled(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """``[height, width, 3]``: the whole image in the middle, and beside it itself, blurred, as
    television shows upright films."""
    had_height, had_width = image.shape[:2]
    scale = min(width / had_width, height / had_height)
    size = min(round(had_width * scale), width), min(round(had_height * scale), height)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted = cv2.resize(image, size, interpolation=way) if scale != 1 else image
    if size == (width, height):
        return np.ascontiguousarray(fitted)
    # As much of the image as has the shape of the camera, very small, and large again.
    cover = max(width / had_width, height / had_height)
    part_w, part_h = round(width / cover), round(height / cover)
    x, y = (had_width - part_w) // 2, (had_height - part_h) // 2
    part = image[y : y + part_h, x : x + part_w]
    small = cv2.resize(
        part, (round(_BACKGROUND * width / height), _BACKGROUND), interpolation=cv2.INTER_AREA
    )
    small = cv2.convertScaleAbs(cv2.GaussianBlur(small, (0, 0), 2.5), alpha=_DIMMED)
    out = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    out[y : y + size[1], x : x + size[0]] = fitted
    return out.astype(np.uint8, copy=False)
