"""Hostile chunks against an SCTP transport without a network."""

from __future__ import annotations

from struct import pack
from types import SimpleNamespace

import pytest
from aiortc import RTCSctpTransport
from aiortc.rtcsctptransport import DataChunk

from server.rtc.data_channel import MOST_PENDING_BYTES, bound_data_channels

FIRST, LAST, UNORDERED = 2, 1, 4
STRING, CONTROL = 51, 50


def transport(bounded: bool) -> RTCSctpTransport:
    dtls = SimpleNamespace(state="connected", transport=SimpleNamespace(role="controlled"))
    sctp = RTCSctpTransport(dtls)  # type: ignore[arg-type]
    sctp._last_received_tsn = 0
    if bounded:
        bound_data_channels(sctp, 4096)
    return sctp


def chunk(
    tsn: int, data: bytes, flags: int = FIRST | LAST, stream: int = 0, protocol: int = STRING
) -> DataChunk:
    made = DataChunk(flags)
    made.tsn, made.stream_id, made.protocol, made.user_data = tsn, stream, protocol, data
    return made


async def receive(sctp: RTCSctpTransport, chunks: list[DataChunk]) -> None:
    for each in chunks:
        await sctp._receive_chunk(each)


async def endless(sctp: RTCSctpTransport) -> int:
    """Fragments of a message that never ends: how many bytes are held in the end."""
    await receive(sctp, [chunk(n, bytes(1000), FIRST if n == 1 else 0) for n in range(1, 201)])
    return sum(len(c.user_data) for c in sctp._inbound_streams[0].reassembly)


async def test_upstream_still_holds_all_that_comes() -> None:
    """When this fails, aiortc was changed: look whether the correction is still needed."""
    assert await endless(transport(bounded=False)) == 200_000


async def test_a_message_without_an_end_ends_the_connection() -> None:
    sctp = transport(bounded=True)
    with pytest.raises(ConnectionError):
        await endless(sctp)
    held = sum(len(c.user_data) for c in sctp._inbound_streams[0].reassembly)
    assert held <= MOST_PENDING_BYTES + 1000


async def test_what_is_far_ahead_of_its_turn_ends_the_connection() -> None:
    sctp = transport(bounded=True)
    with pytest.raises(ConnectionError):
        await receive(sctp, [chunk(tsn, b"x", UNORDERED) for tsn in range(5, 5000)])
    assert len(sctp._sack_misordered) < 1100


async def test_streams_without_number_end_the_connection() -> None:
    sctp = transport(bounded=True)
    with pytest.raises(ConnectionError):
        await receive(sctp, [chunk(tsn, b"x", stream=tsn) for tsn in range(1, 1000)])
    assert len(sctp._inbound_streams) < 100


@pytest.mark.parametrize(
    "data",
    [
        b"\x02",  # an acknowledgement of no channel
        pack("!BBHLHH", 3, 0, 0, 0, 4, 0) + b"\xff\xfe\xff\xfe",  # a label that is no text
    ],
)
async def test_malformed_control_ends_the_connection(data: bytes) -> None:
    with pytest.raises(ConnectionError, match="malformed"):
        await transport(bounded=True)._receive_chunk(chunk(1, data, protocol=CONTROL))


async def test_honest_messages_pass_in_any_number() -> None:
    sctp = transport(bounded=True)
    heard: list[bytes] = []

    async def keep(stream: int, protocol: int, data: bytes) -> None:
        heard.append(data)

    sctp._receive = keep  # type: ignore[method-assign]
    for n in range(500):
        tsn = 1 + 2 * n
        await sctp._receive_chunk(chunk(tsn, bytes(1000), FIRST | UNORDERED))
        await sctp._receive_chunk(chunk(tsn + 1, bytes(1000), LAST | UNORDERED))
    assert len(heard) == 500
    assert all(len(data) == 2000 for data in heard)
    assert sctp.getCapabilities().maxMessageSize == 4096
