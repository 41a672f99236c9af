"""Teeth as pictures: two layers at the photo's resolution, which only have to be lit and moved.

The upper row is fixed to the head, so in the photo's frame it stands still; the lower row goes with
the jaw. A generator's canvas is too coarse to draw a tooth, and need not: it says where the mouth
is open and how much light falls in.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import BadBundle

__all__ = ["Teeth"]

_SIDE_MOST = 4096


@dataclass(frozen=True)
class Teeth:
    """upper, lower: ``[h, w, 4]`` uint8 RGBA, straight alpha, both of the same shape.

    origin: ``[2]`` x, y of both layers' top left corner in frame pixels, the mouth at rest.
    """

    upper: NDArray[np.uint8]
    lower: NDArray[np.uint8]
    origin: NDArray[np.float64]

    def png(self) -> bytes:
        """The upper layer above the lower one in a single RGBA picture."""
        both = np.concatenate([self.upper, self.lower])
        bgra = cv2.cvtColor(both, cv2.COLOR_RGBA2BGRA)
        return cv2.imencode(".png", bgra, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()

    @staticmethod
    def from_png(png: bytes, origin: NDArray[np.float64], bundle: str) -> Teeth:
        """What :meth:`png` wrote. bundle: for the message. Raises BadBundle."""
        header = struct.Struct(">8s4x4sII")  # signature, chunk length, chunk type, width, height
        got = header.unpack_from(png) if len(png) >= header.size else (b"", b"", 0, 0)
        # Looked at before decoding: a small file may unpack to gigabytes.
        plausible = got[0] == b"\x89PNG\r\n\x1a\n" and max(got[2:]) <= _SIDE_MOST
        bgra = (
            cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED) if plausible else None
        )
        shape = () if bgra is None else bgra.shape
        if (
            bgra is None
            or len(shape) != 3
            or shape[2] != 4
            or shape[0] % 2
            or bgra.dtype != np.uint8
        ):
            raise BadBundle(
                f"{bundle}: its teeth are a picture of shape {shape}, expected RGBA of at most "
                f"{_SIDE_MOST} pixels a side, two layers of the same height: export it anew"
            )
        if origin.shape != (2,) or not np.isfinite(origin).all():
            raise BadBundle(
                f"{bundle}: its teeth lie at {origin.tolist()}, expected x and y: export it anew"
            )
        rgba = np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA), np.uint8)
        upper, lower = np.split(rgba, 2)
        return Teeth(upper, lower, origin)
