from __future__ import annotations

import pytest
from aiortc import RTCPeerConnection

from engine.clock import MonotonicClock
from engine.errors import BadOffer
from server.control import MOST_BYTES
from server.metrics import Timings
from server.rtc.audio_passthrough import PassThrough
from server.rtc.h264 import FaceEncoder
from server.session import Session
from server.signalling import answer, new_connection
from tests.server.conftest import synthetic
from tests.virtual_time import InlineExecutor

CHANNEL = "\r\n".join(
    (
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
        "a=fingerprint:sha-256 " + ":".join(["7B"] * 32),
        "a=setup:actpass",
        "a=mid:2",
        "a=sctp-port:5000",
        "a=max-message-size:262144",
        "",
    )
)


def new_session() -> Session:
    return Session(
        "id", synthetic(), InlineExecutor(), MonotonicClock(), Timings(),
        lambda *_: None, new_connection(),
    )  # fmt: skip


async def test_a_data_channel_is_answered_with_the_longest_text_that_is_read(
    browser_offer: str,
) -> None:
    session = new_session()
    offer = browser_offer.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + CHANNEL
    sdp = await answer(offer, session)
    _, channel = sdp.split("m=application")
    assert f"a=max-message-size:{MOST_BYTES}" in channel
    assert "a=group:BUNDLE 0 1 2" in sdp
    assert "ptime" not in channel
    await session.end("test")


async def test_without_a_data_channel_there_is_none(browser_offer: str) -> None:
    session = new_session()
    assert "m=application" not in await answer(browser_offer, session)
    assert session.connection.sctp is None
    await session.end("test")


def private(owner: object, name: str) -> object:
    return vars(owner)[f"_{type(owner).__name__}__{name}"]


async def test_answers_a_browser_with_h264_and_opus_in_short_packets(browser_offer: str) -> None:
    session = new_session()
    sdp = await answer(browser_offer, session)
    audio, video = sdp.split("m=video")
    assert "opus/48000" in audio
    assert "a=ptime:10" in audio
    assert "a=sendrecv" in audio
    assert "a=sendonly" in video
    assert "ptime" not in video
    payload = video.split()[2]
    assert f"a=rtpmap:{payload} H264/90000" in video, "the first codec is the one that is sent"
    streams = {line.split()[0] for line in sdp.splitlines() if line.startswith("a=msid:")}
    assert len(streams) == 1, "one stream, so that the browser plays both in step"
    await session.end("test")


async def test_every_correction_is_in_place_before_anything_flows(browser_offer: str) -> None:
    session = new_session()
    await answer(browser_offer, session)
    voice, face = session.connection.getTransceivers()
    assert isinstance(private(voice.receiver, "jitter_buffer"), PassThrough)
    assert isinstance(private(face.sender, "encoder"), FaceEncoder)
    for transceiver in (voice, face):
        assert "_next_encoded_frame" in vars(transceiver.sender)
    await session.end("test")


async def test_a_browser_without_h264_gets_vp8(browser_offer: str) -> None:
    session = new_session()
    offer = "\r\n".join(line for line in browser_offer.splitlines() if ":102 " not in line)
    sdp = await answer(offer.replace("SAVPF 96 102", "SAVPF 96") + "\r\n", session)
    assert "VP8/90000" in sdp
    assert "H264" not in sdp
    await session.end("test")


async def test_no_server_elsewhere_is_asked() -> None:
    connection: RTCPeerConnection = new_connection()
    configuration = private(connection, "configuration")
    assert configuration.iceServers == []  # type: ignore[attr-defined]
    await connection.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda o: "", "expected an SDP offer"),
        (lambda o: '{"sdp": "v=0"}', "expected an SDP offer"),
        (lambda o: "v=0\r\n", "no fingerprint"),
        (lambda o: o.replace("m=audio", "m=image"), "0 audio sections"),
        (lambda o: o[: o.index("m=video")], "0 video sections"),
        (lambda o: o + o[o.index("m=video") :], "2 video sections"),
        (lambda o: o.replace("m=audio 9", "m=audio nine"), "can not be answered"),
        (lambda o: o.replace("a=fingerprint", "a=thumbprint"), "no fingerprint"),
        (lambda o: o.replace("a=ice-ufrag:abcd\r\n", ""), "can not be answered"),
        (lambda o: o.replace("opus/48000/2", "speex/16000"), "can not be answered"),
        (lambda o: o.replace("H264", "H263").replace("VP8", "VP7"), "can not be answered"),
        (lambda o: o.replace("BUNDLE 0 1", "BUNDLE 7"), "no other bundled"),
        (lambda o: o.replace("a=mid:1\r\n", ""), "one name for each section"),
        (lambda o: o.replace("a=mid:0", "a=mid:0\r\na=mid:1"), "one name for each section"),
        (lambda o: o.replace("a=mid:0", "a=mid:1"), "one name for each section"),
        (lambda o: o + CHANNEL.replace("a=mid:2", "a=mid:1"), "one name for each section"),
        (lambda o: o + CHANNEL * 2, "at most one for data channels"),
        (lambda o: o + CHANNEL.replace("m=application", "m=text"), "at most one for data channels"),
        (lambda o: "v=0\r\n" + "a=x\r\n" * 900, "no fingerprint"),
        (lambda o: o + "a=x\r\n" * 1000, "no browser writes such"),
        (lambda o: o + "a=x" + "x" * 5000, "no browser writes such"),
    ],
)
async def test_refuses_what_is_no_offer_and_says_why(
    browser_offer: str, change: object, said: str
) -> None:
    session = new_session()
    with pytest.raises(BadOffer, match=said):
        await answer(change(browser_offer), session)  # type: ignore[operator]
    await session.end("test")
