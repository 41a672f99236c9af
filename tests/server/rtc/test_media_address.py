from __future__ import annotations

import inspect

import aioice.ice
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

import server.rtc.media_address
from engine.errors import BadInput
from server.rtc import UpstreamChanged
from server.rtc.media_address import accept_local_media_only, listen_for_media_on, own_addresses


@pytest.fixture(autouse=True)
def _restore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", aioice.ice.get_host_addresses)


async def gathered() -> RTCPeerConnection:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("audio")
    await peer.setLocalDescription(await peer.createOffer())
    return peer


async def test_a_server_for_this_machine_is_deaf_to_others() -> None:
    peer = await gathered()
    heard: list[tuple[bytes, str]] = []
    protocols = [
        p for t in peer._RTCPeerConnection__iceTransports  # type: ignore[attr-defined]
        for p in t.iceGatherer._connection._protocols
    ]  # fmt: skip
    assert protocols
    for protocol in protocols:
        protocol.datagram_received = lambda data, addr: heard.append((data, addr[0]))
    accept_local_media_only(peer)
    own = next(iter(own_addresses()))
    for protocol in protocols:
        protocol.datagram_received(b"stranger", ("198.51.100.7", 5000))
        protocol.datagram_received(b"stranger", ("2001:db8::1", 5000, 0, 0))
        protocol.datagram_received(b"browser", (own, 5000))
    assert heard == [(b"browser", own)] * len(protocols)
    await peer.close()


async def test_upstream_asks_the_protocol_anew_for_each_datagram() -> None:
    """asyncio looks the method up at each call, so that ours is found."""
    import asyncio.selector_events

    source = inspect.getsource(asyncio.selector_events._SelectorDatagramTransport)
    assert "self._protocol.datagram_received(" in source


async def test_ports_are_opened_on_the_chosen_addresses_only() -> None:
    address = next(a for a in aioice.ice.get_host_addresses(True, False))
    listen_for_media_on([address, "::1"])
    assert aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False) == [address]
    assert aioice.ice.get_host_addresses(use_ipv4=False, use_ipv6=True) == ["::1"]
    listen_for_media_on([address])
    peer = await gathered()
    sdp = peer.localDescription.sdp
    hosts = {line.split()[4] for line in sdp.splitlines() if line.startswith("a=candidate")}
    assert hosts == {address}
    await peer.close()


def test_says_so_when_upstream_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UpstreamChanged):
        accept_local_media_only(object())  # type: ignore[arg-type]
    monkeypatch.setattr(server.rtc.media_address, "_upstream", None)
    with pytest.raises(UpstreamChanged):
        listen_for_media_on(["192.0.2.1"])


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(BadInput, match="expected one of this machine"):
        listen_for_media_on(["192.0.2.1"])
