"""Errors as answers: ``application/problem+json`` (RFC 9457), never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from engine.errors import AvatarEngineError, BadInput, BadOffer, MissingExtra

__all__ = ["Busy", "Forbidden", "NotFound", "answer_errors", "problem"]

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 10


class NotFound(BadInput):
    """What was asked for by name is not here."""


class Forbidden(BadInput):
    """What was asked for is there, and may not be changed."""


class Busy(AvatarEngineError):
    """All places are taken; later there may be one."""


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """One error for people and programs alike."""
    return web.json_response(
        {"status": status, "detail": detail},
        status=status,
        headers=headers,
        content_type="application/problem+json",
    )


@web.middleware
async def answer_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn what a handler raises into its answer."""
    try:
        return await handler(request)
    except Busy as error:
        return problem(503, str(error), {"Retry-After": str(RETRY_AFTER_S)})
    except NotFound as error:
        return problem(404, str(error))
    except Forbidden as error:
        return problem(403, str(error))
    except BadOffer as error:
        return problem(400, str(error))
    except BadInput as error:
        return problem(422, str(error))
    except MissingExtra as error:
        return problem(501, str(error))
    except web.HTTPException as error:
        kept = {k: v for k, v in error.headers.items() if k in ("Allow", "Location")}
        return problem(error.status, error.text or error.reason, kept)
    except AvatarEngineError:
        logger.exception("%s %s failed", request.method, request.path)
        return problem(500, "the server's own files are damaged: see its log")
