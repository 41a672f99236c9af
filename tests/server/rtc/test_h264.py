from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from aiortc import RTCRtpSender
from aiortc.codecs.h264 import H264Decoder, H264Encoder, h264_depayload
from aiortc.jitterbuffer import JitterFrame

from engine.clock import MonotonicClock
from server.rtc.h264 import FaceEncoder, encode_faces
from tests.virtual_time import run

IDR, SPS = 5, 7


@pytest.fixture(scope="module")
def pictures() -> list[av.VideoFrame]:
    """A moving texture with noise, 256 x 256: it takes any bit rate it is given."""
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 255, (384, 256), dtype=np.uint8), (9, 9), 2)
    out = []
    for n in range(225):
        noisy = np.roll(texture, n, 1).astype(int) + rng.integers(-12, 12, texture.shape)
        frame = av.VideoFrame.from_ndarray(noisy.clip(0, 255).astype(np.uint8), format="yuv420p")
        out.append(frame)
    return out


def kinds(payloads: list[bytes]) -> set[int]:
    """NAL unit types in RTP payloads (RFC 6184), aggregated and fragmented ones resolved."""
    out = set()
    for payload in payloads:
        kind = payload[0] & 31
        if kind == 24:
            at = 1
            while at < len(payload):
                out.add(payload[at + 2] & 31)
                at += 2 + int.from_bytes(payload[at : at + 2], "big")
        else:
            out.add(payload[1] & 31 if kind == 28 else kind)
    return out


def encode_all(
    encoder: H264Encoder, pictures: list[av.VideoFrame], rates: dict[int, int]
) -> tuple[list[int], list[int]]:
    """Bytes of each picture, and the numbers of the keyframes."""
    sizes, keyframes = [], []
    for n, frame in enumerate(pictures):
        if n in rates:
            encoder.target_bitrate = rates[n]
        frame.pts, frame.time_base = n * 3600, Fraction(1, 90000)  # encoding changes them
        payloads, timestamp = encoder.encode(frame)
        assert timestamp == n * 3600
        assert max(map(len, payloads)) <= 1300
        sizes.append(sum(map(len, payloads)))
        if IDR in kinds(payloads):
            keyframes.append(n)
    return sizes, keyframes


RATES = {50: 600_000, 125: 2_400_000}


def test_upstream_still_makes_a_keyframe_of_every_change(pictures: list[av.VideoFrame]) -> None:
    """When this fails, aiortc was changed: look whether the correction is still needed."""
    assert encode_all(H264Encoder(), pictures[:130], RATES)[1] == [0, 50, 125]


def test_follows_the_bit_rate_with_one_keyframe(pictures: list[av.VideoFrame]) -> None:
    sizes, keyframes = encode_all(FaceEncoder(MonotonicClock(), lambda ms: None), pictures, RATES)
    assert keyframes == [0]
    low = np.mean(sizes[100:125]) * 8 * 25
    high = np.mean(sizes[200:225]) * 8 * 25
    assert 400_000 < low < 720_000
    assert high > 1.4 * low


def test_a_keyframe_when_the_browser_asks(pictures: list[av.VideoFrame]) -> None:
    encoder = FaceEncoder(MonotonicClock(), lambda ms: None)
    for n, frame in enumerate(pictures[:4]):
        frame.pts, frame.time_base = n * 3600, Fraction(1, 90000)
    encoder.encode(pictures[0])
    assert IDR not in kinds(encoder.encode(pictures[1])[0])
    assert {IDR, SPS} <= kinds(encoder.encode(pictures[2], force_keyframe=True)[0])
    assert IDR not in kinds(encoder.encode(pictures[3])[0])


def test_no_picture_is_held_back_and_all_can_be_decoded(pictures: list[av.VideoFrame]) -> None:
    encoder, decoder = FaceEncoder(MonotonicClock(), lambda ms: None), H264Decoder()
    for n, frame in enumerate(pictures[:20]):
        frame.pts, frame.time_base = n * 3600, Fraction(1, 90000)
        payloads, timestamp = encoder.encode(frame)
        data = b"".join(h264_depayload(p) for p in payloads)
        decoded = decoder.decode(JitterFrame(data, timestamp))
        assert len(decoded) == 1
        error = decoded[0].to_ndarray().astype(int) - frame.to_ndarray().astype(int)
        assert np.sqrt((error**2).mean()) < 14, f"picture {n}"


def test_a_still_face_costs_next_to_nothing() -> None:
    encoder = FaceEncoder(MonotonicClock(), lambda ms: None)
    still = av.VideoFrame(256, 256, "yuv420p")
    for plane in still.planes:
        plane.update(bytes([120]) * plane.buffer_size)
    still.time_base = Fraction(1, 90000)
    sizes = []
    for n in range(30):
        still.pts = n * 3600
        sizes.append(sum(map(len, encoder.encode(still)[0])))
    assert max(sizes[1:]) < 200


def test_takes_the_place_of_upstreams_encoder() -> None:
    async def main() -> None:
        sender = RTCRtpSender("video", SimpleNamespace(state="new"))  # type: ignore[arg-type]
        encoder = encode_faces(sender, MonotonicClock(), lambda ms: None)
        assert vars(sender)["_RTCRtpSender__encoder"] is encoder

    run(main)
