"""The few pictures between drawing and release."""

from __future__ import annotations

from collections import OrderedDict

import av

__all__ = ["FrameShelf"]

_MOST = 8


class FrameShelf:
    """Pictures by their time; bounded, and the oldest makes room. Never empty: the first picture
    is the face at rest."""

    def __init__(self, rest: av.VideoFrame) -> None:
        self._last = rest
        self._last_pts = -1
        self._waiting: OrderedDict[int, av.VideoFrame] = OrderedDict()

    def put(self, pts: int, frame: av.VideoFrame) -> None:
        """The picture of sample ``pts`` of 16 kHz. One behind what has left is forgotten."""
        if pts <= self._last_pts:
            return
        self._waiting[pts] = frame
        if len(self._waiting) > _MOST:
            self._waiting.popitem(last=False)

    def take(self, pts: int) -> tuple[av.VideoFrame, bool]:
        """(the newest picture not after ``pts``, whether it is the one of ``pts`` itself)."""
        for stamp in [s for s in self._waiting if s <= pts]:
            self._last_pts, self._last = stamp, self._waiting.pop(stamp)
        return self._last, self._last_pts == pts
