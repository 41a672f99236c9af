"""Data channels that hold no more than they should.

Upstream behaviour: ``RTCSctpTransport`` tells the other side how much it may send and keeps
whatever comes all the same. Fragments of messages that never end, numbers far ahead of their turn
and streams by the ten thousands stay in memory for as long as the call lasts. A malformed control
message ends in an assertion or a decoding error, with its traceback in the log.

Here the connection ends instead, as when the network fails.
"""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable
from typing import Any

from aiortc import RTCSctpTransport
from aiortc.rtcsctptransport import RTCSctpCapabilities

from server.rtc import UpstreamChanged

__all__ = ["MOST_PENDING_BYTES", "bound_data_channels"]

MOST_PENDING_BYTES = 65_536  # of messages whose end has not come
_MOST_AHEAD = 1024  # chunks beyond one that is missing
_MOST_STREAMS = 64
_PRIVATE = ("_advertised_rwnd", "_inbound_streams", "_sack_misordered", "_receive_chunk")


def bound_data_channels(sctp: RTCSctpTransport, message_bytes: int) -> None:
    """Correct one transport, before it starts. message_bytes: announced as the longest message."""
    for name in _PRIVATE:
        if not hasattr(sctp, name):
            raise UpstreamChanged(
                f"aiortc's RTCSctpTransport has no {name} any more, expected that of aiortc "
                "1.16.0: install that version"
            )
    sctp._advertised_rwnd = MOST_PENDING_BYTES
    capabilities = RTCSctpCapabilities(maxMessageSize=message_bytes)
    sctp.getCapabilities = lambda: capabilities  # type: ignore[method-assign]
    upstream: Callable[[Any], Awaitable[None]] = sctp._receive_chunk

    async def receive_chunk(chunk: Any) -> None:
        try:
            await upstream(chunk)
        except (AssertionError, LookupError, ValueError, struct.error) as error:
            raise ConnectionError("malformed data channel") from error
        if (
            sctp._advertised_rwnd < 0
            or len(sctp._sack_misordered) > _MOST_AHEAD
            or len(sctp._inbound_streams) > _MOST_STREAMS
        ):
            raise ConnectionError("more data than there is room for")

    sctp._receive_chunk = receive_chunk  # type: ignore[method-assign]
