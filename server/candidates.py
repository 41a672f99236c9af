"""Which of an offer's addresses the server will send packets to.

ICE sends a check to every address that the other side names. A stranger's offer could name
addresses that are not theirs, hundreds of them, or the server's own ports; or names that each take
a second to be looked up. So few are taken, and only such as a browser could have.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

__all__ = ["MOST_ADDRESSES", "MOST_NAMES", "trusted_candidates"]

MOST_ADDRESSES = 24
MOST_NAMES = 2  # of mDNS, which browsers give where the microphone is not yet allowed
_PREFIX = "a=candidate:"


def trusted_candidates(offer: str) -> str:
    """The offer without the candidates that are not to be tried."""
    return "".join(_kept(offer))


def _kept(offer: str) -> Iterator[str]:
    addresses: set[tuple[str, str]] = set()
    names: set[tuple[str, str]] = set()
    for line in offer.splitlines(keepends=True):
        if not line.startswith(_PREFIX):
            yield line
            continue
        parts = line.split()
        if len(parts) < 8 or parts[2].lower() != "udp":
            continue
        host, port = parts[4].lower(), parts[5]
        known, most = (
            (names, MOST_NAMES) if host.endswith(".local") else (addresses, MOST_ADDRESSES)
        )
        if known is addresses and not _could_be_a_browser(host):
            continue
        if (host, port) in known or len(known) < most:
            known.add((host, port))
            yield line


def _could_be_a_browser(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return not (
        address.is_loopback
        or address.is_multicast
        or address.is_unspecified
        or (address.version == 4 and address.is_reserved)
    )
