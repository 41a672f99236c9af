"""A portrait as a cheap webcam would have taken it, for tests of robustness.

What happens to light on its way: the scene's light and shadow, the lens, few pixels, white balance
and exposure that miss, noise that grows with gain, sharpening in the camera, and JPEG. Written
without what training augments with (``training.augment``), on purpose: a test must not know what
was practised.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["webcam"]

_EYE_DISTANCE = (36.0, 60.0)  # pixels, of a face at arm's length in 640 x 480


def webcam(
    image: NDArray[np.uint8], eyes: NDArray[np.floating], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The scene of ``image [H, W, 3]`` uint8 RGB anew, with fewer pixels.

    eyes: ``[2, 2]``, their centres in pixels.
    """
    distance = float(np.linalg.norm(eyes[1] - eyes[0]))
    scale = min(1.0, rng.uniform(*_EYE_DISTANCE) / distance)
    light = (image.astype(np.float32) / 255) ** 2.2
    height, width = image.shape[:2]
    # A window or a lamp on one side: down to a third of the light across the face.
    side = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    along = (x - eyes[:, 0].mean()) * np.cos(side) + (y - eyes[:, 1].mean()) * np.sin(side)
    light *= np.exp(rng.uniform(0, 0.45) * np.tanh(along / distance))[..., None]
    # Light bulbs to shade, corrected by half; exposure up to one stop off.
    warmth, green = rng.uniform(-0.45, 0.45), rng.uniform(-0.12, 0.12)
    light *= np.exp2(np.array([warmth, green, -warmth]) + rng.uniform(-1.0, 0.5)).astype(np.float32)
    light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.3, 1.6) / scale)
    light = cv2.resize(light, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    light += rng.normal(0, 1, light.shape) * np.sqrt(1e-5 + rng.uniform(0, 0.004) * light.clip(0))
    picture = light.clip(0, 1) ** (1 / 2.2)
    soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
    picture = (picture + rng.uniform(0, 0.8) * (picture - soft)).clip(0, 1)
    bgr = np.rint(picture[..., ::-1] * 255).astype(np.uint8)
    _, coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 80))])
    return np.asarray(cv2.cvtColor(cv2.imdecode(coded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB))
