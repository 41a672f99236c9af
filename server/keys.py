"""What the application holds, by name: for the routes and for those who put it together."""

from __future__ import annotations

from aiohttp import web

from server.checks import Checks
from server.collection import Collection
from server.exports import Exports
from server.gallery import Gallery
from server.ice import IceServers
from server.metrics import Metrics
from server.sessions import Sessions

__all__ = ["CHECKS", "COLLECTION", "EXPORTS", "GALLERY", "ICE", "METRICS", "SESSIONS"]

GALLERY = web.AppKey("gallery", Gallery)
SESSIONS = web.AppKey("sessions", Sessions)
METRICS = web.AppKey("metrics", Metrics)
ICE = web.AppKey("ice", IceServers)
# These are there only where avatars can be kept.
EXPORTS = web.AppKey("exports", Exports)
CHECKS = web.AppKey("checks", Checks)
COLLECTION = web.AppKey("collection", Collection)
