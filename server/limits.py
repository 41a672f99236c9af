"""Who may do what, and how much of it: the edge that every request passes."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from engine.errors import BadInput
from server.problems import problem

__all__ = ["Guard", "Refusal", "is_loopback", "refuse_open_door", "secure_headers"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MOST_SDP_BYTES = 64 * 1024
MOST_PHOTO_BYTES = 20 * 1024 * 1024

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob: mediastream:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_GUARDED = ("/sessions", "/avatars", "/exports", "/metrics")  # the page itself holds no secret
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


class Refusal(BadInput):
    """The server was asked to listen in a way that nobody should by accident."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_open_door(host: str, token: str | None, open_to_all: bool) -> None:
    """Raises Refusal for an address that others can reach, without a token and not on purpose."""
    if not (is_loopback(host) or token or open_to_all):
        raise Refusal(
            f"the host {host} can be reached by others and no token is set, expected localhost or "
            "a token: add --token, or --open-to-all if everybody may use this machine"
        )


async def secure_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on every answer: for the application's ``on_response_prepare``."""
    response.headers.update(_HEADERS)


@dataclass(frozen=True)
class Guard:
    """The middleware: token, origin and host.

    token:      expected as ``Authorization: Bearer TOKEN``, None for none.
    local_only: refuse other host names than this machine's own, so that a page elsewhere can not
                reach a local server under a name of its own (DNS rebinding).
    """

    token: str | None
    local_only: bool

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return self._refusal(request) or await handler(request)

    def _refusal(self, request: web.Request) -> web.Response | None:
        host = request.host if request.host.endswith("]") else request.host.rsplit(":", 1)[0]
        if self.local_only and host not in _LOCAL_NAMES:
            return problem(421, f"the host {host!r} is not this server, expected localhost")
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.host:
            return problem(403, f"the origin {origin!r} may not use this server: open its own page")
        if self._needs_token(request) and not self._has_token(request):
            return problem(
                401,
                "the token is missing or wrong, expected 'Authorization: Bearer TOKEN': "
                "open the page with #token=TOKEN behind its address",
                {"WWW-Authenticate": "Bearer"},
            )
        return None

    def _needs_token(self, request: web.Request) -> bool:
        return self.token is not None and request.path.startswith(_GUARDED)

    def _has_token(self, request: web.Request) -> bool:
        assert self.token is not None
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), self.token.encode())
