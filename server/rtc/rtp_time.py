"""The RTP time of a picture that is still to be sent.

A browser knows the RTP time of each picture that it shows (``requestVideoFrameCallback``), and
nothing else of the sender's time. Whoever sends data beside the pictures has to name it.

Upstream behaviour: ``RTCRtpSender`` adds a random origin to the time of its frames and tells
nobody. Here it is found from what the last packet bore.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiortc import RTCRtpSender
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from server.rtc import private

__all__ = ["rtp_clock"]


def rtp_clock(sender: RTCRtpSender) -> Callable[[int], int | None]:
    """From a frame's own time, in ticks of its codec's clock, to its RTP time, 32 bit.

    None until a second frame was asked for. To be called before the sender starts.
    """
    mangled = private(sender, "rtp_timestamp")
    upstream = sender._next_encoded_frame
    last: int | None = None  # the time of the frame that left last
    origin: int | None = None

    async def next_encoded_frame(codec: RTCRtpCodecParameters) -> Any:
        nonlocal last, origin
        if last is not None and origin is None:
            origin = getattr(sender, mangled) - last
        frame = await upstream(codec)
        if frame is not None and frame.payloads:
            last = frame.timestamp
        return frame

    sender._next_encoded_frame = next_encoded_frame  # type: ignore[method-assign]
    return lambda ticks: None if origin is None else (origin + ticks) & 0xFFFFFFFF
