"""Who may do what, and how much of it: the edge that every request passes."""

from __future__ import annotations

import hmac
import ipaddress
import math
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from engine.clock import Clock
from engine.errors import BadInput
from server.problems import problem
from server.rate import Allowed, RateLimit

__all__ = [
    "MOST_FIGURES_BYTES",
    "MOST_SDP_BYTES",
    "Guard",
    "Handler",
    "Refusal",
    "is_loopback",
    "refuse_open_door",
    "secure_headers",
]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MOST_SDP_BYTES = 64 * 1024
MOST_FIGURES_BYTES = 1024
# Of one address. A page that is reloaded all the time stays below these.
_SESSIONS = Allowed(burst=20, every_s=2.0)
_UPLOADS = Allowed(burst=10, every_s=30.0)
_LOOKS = Allowed(burst=30, every_s=4.0)
_CHANGES = Allowed(burst=30, every_s=2.0)
_WRONG_TOKENS = Allowed(burst=10, every_s=6.0)

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob: mediastream:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_GUARDED = (
    "/sessions",
    "/avatars",
    "/checks",
    "/exports",
    "/metrics",
    "/ice",
)  # the page itself holds no secret
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
            f"{host} can be reached by others and no token is set, expected localhost or "
            "a token: add --token, or --open-to-all if everybody may use this machine"
        )


async def secure_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on every answer: for the application's ``on_response_prepare``."""
    response.headers.update(_HEADERS)


class Guard:
    """The middleware: host, origin, token and rate.

    token:      expected as ``Authorization: Bearer TOKEN``, None for none.
    local_only: refuse other host names than this machine's own, so that a page elsewhere can not
                reach a local server under a name of its own (DNS rebinding).
    public_url: how browsers reach this server through a proxy on this machine, None without one.
                Its host and origin are taken, and the proxy's word for who asks.
    """

    def __init__(
        self, token: str | None, local_only: bool, clock: Clock, public_url: str | None = None
    ) -> None:
        self._token = token
        self._local_only = local_only
        public = urlsplit(public_url or "")
        if public_url and not (public.scheme in ("http", "https") and public.hostname):
            raise BadInput(
                f"got the public address {public_url!r}, expected one like https://avatar.example"
            )
        self._public = public.netloc
        self._origin = f"{public.scheme}://{public.netloc}" if public_url else None
        self._rates = {
            "/sessions": RateLimit(_SESSIONS, clock),
            "/avatars": RateLimit(_UPLOADS, clock),
            "/checks": RateLimit(_LOOKS, clock),
            "/checks/prepare": RateLimit(_LOOKS, clock),
        }
        self._changes = RateLimit(_CHANGES, clock)
        self._wrong_tokens = RateLimit(_WRONG_TOKENS, clock)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return self._refusal(request) or await handler(request)

    def _refusal(self, request: web.Request) -> web.Response | None:
        host = request.host if request.host.endswith("]") else request.host.rsplit(":", 1)[0]
        if self._local_only and host not in _LOCAL_NAMES and request.host != self._public:
            return problem(421, f"the host {host!r} is not this server, expected localhost")
        origin = request.headers.get("Origin")
        own = origin is None or origin.partition("://")[2] == request.host
        if not own and origin != self._origin:
            return problem(403, f"the origin {origin!r} may not use this server: open its own page")
        return self._stranger(request) or self._hurry(request)

    def _stranger(self, request: web.Request) -> web.Response | None:
        """The answer to whoever does not know the token, and has to."""
        if self._token is None or not request.path.startswith(_GUARDED):
            return None
        asks = self._who(request)
        wait_s = self._wrong_tokens.wait_s(asks)
        if wait_s:
            return _too_many(wait_s, "too many wrong tokens came from this address")
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(given.encode(), self._token.encode()):
            return None
        if given:
            self._wrong_tokens.take(asks)
        return problem(
            401,
            "the token is missing or wrong, expected 'Authorization: Bearer TOKEN': "
            "open the page with #token=TOKEN behind its address",
            {"WWW-Authenticate": "Bearer"},
        )

    def _hurry(self, request: web.Request) -> web.Response | None:
        """The answer to whoever asks for expensive things too often."""
        limit = None
        if request.method == "POST":
            limit = self._rates.get(request.path)
        elif request.method in ("PATCH", "DELETE") and request.path.startswith("/avatars/"):
            limit = self._changes
        if limit is None:
            return None
        asks = self._who(request)
        wait_s = limit.wait_s(asks)
        if wait_s:
            return _too_many(wait_s, "this address asks too often")
        limit.take(asks)
        return None

    def _who(self, request: web.Request) -> str:
        """The address that asks. Only a proxy on this machine is believed to speak for another."""
        remote = request.remote or ""
        if self._public and is_loopback(remote):
            return request.headers.get("X-Forwarded-For", remote).rpartition(",")[2].strip()
        return remote


def _too_many(wait_s: float, why: str) -> web.Response:
    seconds = math.ceil(wait_s)
    return problem(429, f"{why}: try again in {seconds} s", {"Retry-After": str(seconds)})
