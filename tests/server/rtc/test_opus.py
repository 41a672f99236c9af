from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc import RTCPeerConnection
from aiortc.codecs.opus import OpusDecoder, OpusEncoder
from aiortc.jitterbuffer import JitterFrame
from numpy.typing import NDArray

from server.rtc import UpstreamChanged
from server.rtc.opus import LOOK_AHEAD, VoiceEncoder, encode_voice
from tests.virtual_time import run

PACKET = 960
RNG = np.random.default_rng(4)


def frame(samples: NDArray[np.int16], pts: int) -> av.AudioFrame:
    made = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    made.sample_rate, made.pts, made.time_base = 48000, pts, Fraction(1, 48000)
    return made


def stamps(encoder: OpusEncoder, packet: int) -> list[int]:
    """Time stamps of five packets, a gap of ten, and five more."""
    out = []
    for slot in (*range(5), *range(15, 20)):
        payloads, stamp = encoder.encode(frame(np.zeros(packet, np.int16), slot * packet))
        assert len(payloads) == 1
        out.append(stamp // packet)
    return out


def test_a_packet_carries_the_time_of_its_frame() -> None:
    assert stamps(VoiceEncoder(PACKET), PACKET) == [0, 1, 2, 3, 4, 15, 16, 17, 18, 19]


def test_upstream_still_stamps_the_packet_after_a_gap_with_the_time_before_it() -> None:
    assert stamps(OpusEncoder(), PACKET) == [0, 1, 2, 3, 4, 5, 16, 17, 18, 19]


def test_what_is_heard_is_the_same_and_as_late_as_said() -> None:
    times = np.arange(48 * PACKET) / 48000
    loudness = 1 + np.convolve(RNG.normal(size=len(times)), np.ones(2000) / 60, "same")
    sound = (3000 * loudness * np.sin(2 * np.pi * 440 * times)).clip(-30000, 30000).astype(np.int16)
    encoder, decoder, heard = VoiceEncoder(PACKET), OpusDecoder(), []
    for n, part in enumerate(sound.reshape(-1, PACKET)):
        payloads, stamp = encoder.encode(frame(part, n * PACKET))
        for decoded in decoder.decode(JitterFrame(payloads[0], stamp)):
            heard.append(decoded.to_ndarray().reshape(-1, 2)[:, 0])
    got = np.concatenate(heard).astype(float)
    lags = range(400)
    length = 40 * PACKET
    fit = [float(np.corrcoef(got[lag : lag + length], sound[:length])[0, 1]) for lag in lags]
    best = int(np.argmax(fit))
    assert fit[best] > 0.99
    assert abs(best - LOOK_AHEAD) <= 2


def test_is_given_to_one_sender_and_says_so_when_upstream_has_changed() -> None:
    async def main() -> None:
        peer = RTCPeerConnection()
        sender = peer.addTransceiver("audio").sender
        encoder = encode_voice(sender, PACKET)
        assert sender._RTCRtpSender__encoder is encoder  # type: ignore[attr-defined]
        await peer.close()
        with pytest.raises(UpstreamChanged):
            encode_voice(object(), PACKET)  # type: ignore[arg-type]

    run(main)
