"""Where media may come from and on which addresses it is waited for.

Upstream behaviour: aioice opens a UDP port on every address of the machine but the loopback one,
for every session, whatever address the web server listens on; browsers leave the loopback address
out as well. So a page on this very machine is reached through a port that the whole network can
send to.

Here the addresses can be chosen, and the sockets of a server that is for this machine alone drop
whatever was not sent from this machine, before any of it is parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import aioice.ice
from aiortc import RTCPeerConnection

from engine.errors import BadInput
from server.rtc import UpstreamChanged, private

__all__ = ["accept_local_media_only", "listen_for_media_on", "own_addresses"]

_LOOPBACK = ("127.0.0.1", "::1")
_upstream = getattr(aioice.ice, "get_host_addresses", None)


def own_addresses() -> frozenset[str]:
    """All addresses of this machine. Raises UpstreamChanged when aioice can not say them."""
    if _upstream is None:
        raise UpstreamChanged("aioice has no get_host_addresses any more: install aioice 0.13")
    return frozenset((*_upstream(use_ipv4=True, use_ipv6=True), *_LOOPBACK))


def listen_for_media_on(addresses: Sequence[str]) -> None:
    """Open media ports on these addresses only; for all sessions of the process.

    Raises BadInput for an address that this machine does not have, UpstreamChanged.
    """
    own = own_addresses()
    for address in addresses:
        if address not in own:
            raise BadInput(
                f"got the media address {address}, expected one of this machine: "
                f"{', '.join(sorted(own - set(_LOOPBACK)))}"
            )

    def chosen(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return [a for a in addresses if (use_ipv6 if ":" in a else use_ipv4)]

    aioice.ice.get_host_addresses = chosen


def accept_local_media_only(connection: RTCPeerConnection) -> None:
    """Make the sockets of a connection, which have been opened, deaf to other machines."""
    local = own_addresses()
    for transport in getattr(connection, private(connection, "iceTransports")):
        for protocol in transport.iceGatherer._connection._protocols:
            heard = protocol.datagram_received
            protocol.datagram_received = partial(_from, local, heard)


def _from(
    local: frozenset[str], heard: Callable[[bytes, Any], None], data: bytes, address: Any
) -> None:
    if address[0].partition("%")[0] in local:
        heard(data, address)
