from __future__ import annotations

from types import SimpleNamespace

import pytest
from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket

from server.rtc import UpstreamChanged
from server.rtc.audio_passthrough import PassThrough, pass_audio_through


def packet(number: int) -> RtpPacket:
    made = RtpPacket(sequence_number=number % 65536, timestamp=number * 960)
    made._data = b"opus"  # type: ignore[attr-defined]
    return made


def delays(buffer: JitterBuffer | PassThrough, lost: set[int]) -> dict[int, int]:
    """For each packet that comes out: how many packets later than it came in."""
    out = {}
    for number in range(200):
        if number not in lost:
            frame = buffer.add(packet(number))[1]
            if frame is not None:
                out[frame.timestamp // 960] = number - frame.timestamp // 960
    return out


def test_upstream_still_delays_and_never_recovers_from_a_loss() -> None:
    """When this fails, aiortc was changed: look whether the correction is still needed."""
    kept = delays(JitterBuffer(capacity=16, prefetch=4), lost={60})
    assert kept[50] == 4
    assert kept[150] > 10


def test_every_packet_passes_at_once_whatever_was_lost() -> None:
    passed = delays(PassThrough(), lost={60, 61, 100})
    assert len(passed) == 197
    assert set(passed.values()) == {0}


def test_a_packet_behind_a_later_one_is_dropped_also_across_the_wrap() -> None:
    buffer = PassThrough()
    order = [65533, 65535, 65534, 65536, 65536, 65537]
    given = [buffer.add(packet(number))[1] is not None for number in order]
    assert given == [True, True, False, True, False, True]
    assert buffer.out_of_order == 2


def test_takes_the_place_of_upstreams_buffer() -> None:
    receiver = RTCRtpReceiver("audio", SimpleNamespace(state="new"))  # type: ignore[arg-type]
    assert isinstance(vars(receiver)["_RTCRtpReceiver__jitter_buffer"], JitterBuffer)
    buffer = pass_audio_through(receiver)
    assert vars(receiver)["_RTCRtpReceiver__jitter_buffer"] is buffer


def test_says_so_when_upstream_has_changed() -> None:
    with pytest.raises(UpstreamChanged, match=r"jitter_buffer.*1\.16\.0"):
        pass_audio_through(SimpleNamespace())  # type: ignore[arg-type]
