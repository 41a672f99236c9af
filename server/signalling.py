"""From a browser's offer to our answer: one POST, no trickling (the simple mode of WHIP, RFC 9725).

The browser offers to send a microphone and to receive sound and picture, and a data channel if it
wants to steer the face. Candidates are all in the answer.
"""

from __future__ import annotations

from collections.abc import Iterable

from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.rtcrtpparameters import RTCRtpCodecCapability

from engine.audio import SAMPLE_RATE
from engine.errors import BadOffer
from server.candidates import trusted_candidates
from server.control import MOST_BYTES
from server.rtc import UpstreamChanged
from server.rtc.audio_passthrough import pass_audio_through
from server.rtc.data_channel import bound_data_channels
from server.rtc.h264 import encode_faces
from server.rtc.media_address import accept_local_media_only
from server.rtc.opus import encode_voice
from server.rtc.rtp_time import rtp_clock
from server.rtc.sender_reports import report_media_time
from server.session import Session
from server.tracks import PACKET, VIDEO_RATE

__all__ = ["answer", "new_connection"]

PACKET_TIME_MS = 10
MOST_LINES = 1000  # browsers write some 200
MOST_LINE = 4096


def new_connection(ice_servers: Iterable[RTCIceServer] = ()) -> RTCPeerConnection:
    """A connection that asks only the given servers (aiortc's default is a public STUN server)."""
    return RTCPeerConnection(RTCConfiguration(iceServers=list(ice_servers)))


async def answer(offer: str, session: Session, *, local_only: bool = False) -> str:
    """The SDP answer to an SDP offer; from now on the session lives by its connection.

    local_only: hear nothing but what this machine sends. Raises BadOffer.
    """
    connection = session.connection
    voice = connection.addTransceiver(session.voice_track, direction="sendrecv")
    face = connection.addTransceiver(session.face_track, direction="sendonly")
    # aiortc fixes the codecs when it takes the offer; preferences set later are ignored.
    voice.setCodecPreferences(_codecs("audio", "opus"))
    face.setCodecPreferences(_codecs("video", "H264", "VP8"))
    _check(offer)
    try:
        trusted = RTCSessionDescription(trusted_candidates(offer), "offer")
        await connection.setRemoteDescription(trusted)
        _correct(voice, face, session)
        await connection.setLocalDescription(await connection.createAnswer())
        if local_only:
            accept_local_media_only(connection)
    except UpstreamChanged:
        raise
    except Exception as error:  # whatever a stranger's text makes the parser raise
        raise BadOffer(
            f"the offer can not be answered ({type(error).__name__}: {error}), expected one of a "
            "current browser's RTCPeerConnection, with Opus sound and H.264 or VP8 video"
        ) from error
    return _short_packets(connection.localDescription.sdp)


def _correct(voice: RTCRtpTransceiver, face: RTCRtpTransceiver, session: Session) -> None:
    """Apply what server.rtc holds, while the codecs are known and nothing flows yet."""
    pass_audio_through(voice.receiver)
    if face._codecs[0].mimeType.lower() == "video/h264":
        encode_faces(face.sender, session.clock, session.timings.encode.add)
    encode_voice(voice.sender, PACKET)
    report_media_time(voice.sender, session.voice_track.media_ntp)
    report_media_time(face.sender, session.face_track.media_ntp)
    time = rtp_clock(face.sender)
    session.rtp_time = lambda pts: time(pts * VIDEO_RATE // SAMPLE_RATE)
    if session.connection.sctp is not None:
        bound_data_channels(session.connection.sctp, MOST_BYTES)


def _codecs(kind: str, *names: str) -> list[RTCRtpCodecCapability]:
    """aiortc's capabilities of a kind, in the order of ``names``, retransmission last."""
    known = RTCRtpSender.getCapabilities(kind).codecs
    return [c for name in (*names, "rtx") for c in known if c.name.lower() == name.lower()]


def _check(offer: str) -> None:
    """What can be said better here than by the parser's exceptions."""
    if not offer.lstrip().startswith("v=0"):
        raise BadOffer(
            f"got {offer[:40]!r}, expected an SDP offer that begins with 'v=0': "
            "POST RTCPeerConnection.localDescription.sdp"
        )
    lines = offer.splitlines()
    longest = max(map(len, lines))
    if len(lines) > MOST_LINES or longest > MOST_LINE:
        raise BadOffer(
            f"the offer has {len(lines)} lines, the longest of {longest} characters, expected at "
            f"most {MOST_LINES} of {MOST_LINE}: no browser writes such"
        )
    if "\na=fingerprint:" not in offer:
        raise BadOffer(
            "the offer has no fingerprint of the sender's certificate, expected one: without it "
            "nobody knows who connects"
        )
    for kind in ("audio", "video"):
        count = offer.count(f"\nm={kind} ")
        if count != 1:
            raise BadOffer(
                f"the offer has {count} {kind} sections, expected one: "
                "offer one microphone and one video to receive"
            )
    _check_sections(lines)


def _check_sections(lines: list[str]) -> None:
    """Sections with a name each, and bundled by these names or not at all: aiortc leaves its
    transceivers without any transport otherwise, and can not even close them."""
    begins = [n for n, line in enumerate(lines) if line.startswith("m=")]
    channels = sum(lines[n].startswith("m=application ") for n in begins)
    if channels > 1 or len(begins) != 2 + channels:
        raise BadOffer(
            f"the offer has {len(begins)} sections, {channels} of them for data channels, "
            "expected sound, picture, and at most one for data channels"
        )
    names = [
        [line.removeprefix("a=mid:") for line in lines[begin:end] if line.startswith("a=mid:")]
        for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True)
    ]
    called = [name for section in names for name in section]
    bundled = [name for line in lines if line.startswith("a=group:") for name in line.split()[1:]]
    named = all(len(section) == 1 for section in names) and len({*called}) == len(begins)
    if not named or not {*called}.issuperset(bundled):
        raise BadOffer(
            f"the offer's sections are called {called!s:.80} and it bundles {bundled!s:.80}, "
            "expected one name for each section and no other bundled"
        )


def _short_packets(sdp: str) -> str:
    """Ask for sound in 10 ms packets: half of what the first sample of a packet waits for."""
    lines = sdp.splitlines()
    audio = next(n for n, line in enumerate(lines) if line.startswith("m=audio"))
    after = next((n for n in range(audio + 1, len(lines)) if lines[n].startswith("m=")), len(lines))
    lines.insert(after, f"a=ptime:{PACKET_TIME_MS}")
    return "\r\n".join(lines) + "\r\n"
