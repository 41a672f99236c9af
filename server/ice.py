"""STUN and TURN servers: what the page and this server ask for a way through firewalls.

A TURN server relays for whoever knows a name and a password. With a secret that it shares with
this server (coturn's ``use-auth-secret``, draft-uberti-behave-turn-rest-00) every call gets a
password of its own that ends by itself; a fixed one can be given instead.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiortc import RTCIceServer

from engine.errors import BadInput

__all__ = ["IceServers", "unix_time"]

VALID_S = 6 * 3600
_SCHEMES = ("stun:", "turn:", "turns:")


def unix_time() -> float:
    """Seconds since 1970, which is what TURN servers count by."""
    return datetime.now(tz=UTC).timestamp()


@dataclass(frozen=True)
class IceServers:
    """urls: as in ``RTCIceServer.urls``. Either username and credential, or secret, or neither.

    Raises BadInput for an address of another scheme and for half a password.
    """

    urls: tuple[str, ...] = ()
    username: str | None = None
    credential: str | None = None
    secret: str | None = None

    def __post_init__(self) -> None:
        for url in self.urls:
            if not url.startswith(_SCHEMES) or not url.partition(":")[2]:
                raise BadInput(
                    f"got the ICE server {url!r}, expected one like stun:host:3478 or "
                    "turn:host:3478?transport=udp"
                )
        if (self.username is None) != (self.credential is None):
            raise BadInput(
                "got one of user name and credential for the TURN server, expected both or neither"
            )

    def described(self, now: Callable[[], float] = unix_time) -> list[dict[str, object]]:
        """For a browser's ``RTCConfiguration.iceServers``."""
        stun = [u for u in self.urls if u.startswith("stun:")]
        turn = [u for u in self.urls if not u.startswith("stun:")]
        username, credential = self._password(now)
        described: list[dict[str, object]] = [{"urls": stun}] if stun else []
        if turn and username is not None:
            described.append({"urls": turn, "username": username, "credential": credential})
        elif turn:
            described.append({"urls": turn})
        return described

    def own(self, now: Callable[[], float] = unix_time) -> list[RTCIceServer]:
        """For aiortc, which takes the first STUN and the first TURN server."""
        username, credential = self._password(now)
        return [RTCIceServer([url], username, credential) for url in self.urls]

    def _password(self, now: Callable[[], float]) -> tuple[str | None, str | None]:
        if self.secret is None:
            return self.username, self.credential
        username = f"{int(now()) + VALID_S}:avatar"
        digest = hmac.new(self.secret.encode(), username.encode(), hashlib.sha1).digest()
        return username, base64.b64encode(digest).decode()
