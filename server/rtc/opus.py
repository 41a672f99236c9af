"""An Opus encoder for one delayed voice: mono, of little delay, and true to its time stamps.

Upstream behaviour (``aiortc.codecs.opus.OpusEncoder``): sound passes a resampler that holds a
frame's time back, so the first packet after a gap carries the time before it. Whenever pictures and
sound were left out because the machine stalled, the browser sees one packet that is as late as the
gap was long, and buffers that much from then on. It also codes one voice as stereo, with 6.5 ms of
look-ahead.

Here one frame makes one packet of the frame's own time, in Opus's restricted low-delay mode: 2.5 ms
of look-ahead, a quarter of the processor time. That mode has no error correction in the stream; a
lost packet is 20 ms, which the browser conceals.
"""

from __future__ import annotations

from fractions import Fraction

import av
from aiortc import RTCRtpSender
from aiortc.codecs.opus import OpusEncoder
from av.audio.codeccontext import AudioCodecContext
from av.frame import Frame

from server.rtc import private

__all__ = ["LOOK_AHEAD", "VoiceEncoder", "encode_voice"]

LOOK_AHEAD = 120  # samples at 48 kHz by which what is heard is behind the time stamp
_RATE = 48000
_BITRATE = 64_000


class VoiceEncoder(OpusEncoder):
    """Takes the place of aiortc's encoder on one sender. Frames are mono s16 at 48 kHz, of 2.5, 5,
    10 or 20 ms, all of one length."""

    def __init__(self, frame_samples: int) -> None:
        super().__init__()
        self.codec = _open(frame_samples)
        self._frame_samples = frame_samples

    def encode(self, frame: Frame, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        """(one packet, the frame's own time stamp)."""
        assert isinstance(frame, av.AudioFrame)
        assert frame.pts is not None
        stamp = frame.pts
        return [bytes(packet) for packet in self.codec.encode(frame)], stamp


def encode_voice(sender: RTCRtpSender, frame_samples: int) -> VoiceEncoder:
    """Give one audio sender this encoder before it starts."""
    encoder = VoiceEncoder(frame_samples)
    setattr(sender, private(sender, "encoder"), encoder)
    return encoder


def _open(frame_samples: int) -> AudioCodecContext:
    codec = av.CodecContext.create("libopus", "w")
    assert isinstance(codec, AudioCodecContext)
    codec.bit_rate = _BITRATE
    codec.format = "s16"
    codec.layout = "mono"
    codec.sample_rate = _RATE
    codec.time_base = Fraction(1, _RATE)
    codec.options = {
        "application": "lowdelay",
        "frame_duration": f"{1000 * frame_samples / _RATE:g}",
    }
    return codec
