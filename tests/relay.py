"""A bad network in user space: a UDP relay between a client and the server under test.

It loses, delays and reorders datagrams as told, in both directions, and can go dark. Neither side
knows: the candidates in offer and answer are rewritten, so that each sends to the relay.

    client <-> front socket | relay | back socket <-> server
"""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass
from typing import Any

import numpy as np
from aioice.ice import get_host_addresses

_CANDIDATE = re.compile(r"^a=candidate:.*\r?\n", re.MULTILINE)
_END = "a=end-of-candidates"
MOST_WAITING = 4096

Address = tuple[str, int]


@dataclass
class Weather:
    """What happens to datagrams from now on; may be changed at any time.

    loss:      share that never arrives.
    jitter_ms: each waits between nothing and this long, in a queue that keeps its order.
    reorder:   share that waits outside of the queue, and so may be overtaken.
    dark:      nothing arrives at all.
    """

    loss: float = 0.0
    jitter_ms: float = 0.0
    reorder: float = 0.0
    dark: bool = False


class _End(asyncio.DatagramProtocol):
    """One socket: what comes in goes out at the other end."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self.far: Address | None = None  # whoever talks to this socket
        self.transport: Any = None
        self.other: _End | None = None
        self.free_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.far = addr
        assert self.other is not None
        self._relay.carry(data, self.other)


class Relay:
    """Use as an async context manager. ``weather`` may be changed while it works."""

    def __init__(self, weather: Weather | None = None, seed: int = 1) -> None:
        self.weather = weather or Weather()
        self.carried = self.lost = 0
        self._rng = np.random.default_rng(seed)
        self._waiting = 0
        self._host = next(a for a in get_host_addresses(use_ipv4=True, use_ipv6=False))
        self._front, self._back = _End(self), _End(self)
        self._front.other, self._back.other = self._back, self._front

    async def __aenter__(self) -> Relay:
        loop = asyncio.get_running_loop()
        for end in (self._front, self._back):
            await loop.create_datagram_endpoint(
                lambda end=end: end, local_addr=(self._host, 0), family=socket.AF_INET
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        for end in (self._front, self._back):
            end.transport.close()

    def offer(self, sdp: str) -> str:
        """The client's offer as the server is to see it."""
        return self._rewritten(sdp, self._back)

    def answer(self, sdp: str) -> str:
        """The server's answer as the client is to see it."""
        for line in _CANDIDATE.findall(sdp):
            parts = line.split()
            if parts[4] == self._host:
                self._back.far = (parts[4], int(parts[5]))
        assert self._back.far is not None, "the server has no address that the relay can reach"
        return self._rewritten(sdp, self._front)

    def carry(self, data: bytes, to: _End) -> None:
        """One datagram on its way."""
        weather = self.weather
        if weather.dark or self._rng.random() < weather.loss or self._waiting >= MOST_WAITING:
            self.lost += 1
            return
        loop = asyncio.get_running_loop()
        wait = self._rng.uniform(0, weather.jitter_ms / 1000) if weather.jitter_ms else 0.0
        at = loop.time() + wait
        if self._rng.random() >= weather.reorder:
            at = to.free_at = max(at, to.free_at)
        self._waiting += 1
        loop.call_at(at, self._deliver, data, to)

    def _deliver(self, data: bytes, to: _End) -> None:
        self._waiting -= 1
        if to.far is not None and not to.transport.is_closing():
            self.carried += 1
            to.transport.sendto(data, to.far)

    def _rewritten(self, sdp: str, end: _End) -> str:
        """With the socket ``end`` as the only candidate of every section."""
        port = end.transport.get_extra_info("sockname")[1]
        candidate = f"a=candidate:1 1 udp 2130706431 {self._host} {port} typ host"
        out: list[str] = []
        for line in _CANDIDATE.sub("", sdp).replace("\r\n", "\n").split("\n"):
            if line == _END:
                continue
            if line.startswith("m=") and out and any(x.startswith("m=") for x in out):
                out += [candidate, _END]
            out.append(line)
        while out and not out[-1]:
            out.pop()
        return "\r\n".join([*out, candidate, _END]) + "\r\n"
