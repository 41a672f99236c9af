from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from engine.errors import BadInput
from server.ice import VALID_S, IceServers

STUN, TURN = "stun:stun.example:3478", "turn:turn.example:3478?transport=udp"


def test_without_any_nobody_is_asked() -> None:
    assert IceServers().described() == []
    assert IceServers().own() == []


def test_a_fixed_password_is_for_turn_alone() -> None:
    servers = IceServers((STUN, TURN), "user", "pass")
    assert servers.described() == [
        {"urls": [STUN]},
        {"urls": [TURN], "username": "user", "credential": "pass"},
    ]
    assert [s.urls for s in servers.own()] == [[STUN], [TURN]]


def test_a_shared_secret_makes_passwords_that_end() -> None:
    servers = IceServers((TURN,), secret="kept by both")
    (described,) = servers.described(lambda: 1_000_000.5)
    name = f"{1_000_000 + VALID_S}:avatar"
    assert described["username"] == name
    digest = hmac.new(b"kept by both", name.encode(), hashlib.sha1).digest()
    assert base64.b64decode(str(described["credential"])) == digest
    (own,) = servers.own(lambda: 1_000_000.5)
    assert (own.username, own.credential) == (name, described["credential"])
    assert "kept by both" not in str(described)


@pytest.mark.parametrize("url", ["https://turn.example", "turn:", "turn.example:3478", ""])
def test_what_is_no_ice_server_is_said(url: str) -> None:
    with pytest.raises(BadInput, match="stun:host:3478"):
        IceServers((url,))


def test_half_a_password_is_none() -> None:
    with pytest.raises(BadInput, match="both or neither"):
        IceServers((TURN,), username="user")
