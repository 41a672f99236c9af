"""What the server writes down: lines for people, or one JSON object a line for programs.

Sessions are counted, not named: the name of one is the key to it. Neither addresses nor what
anybody said or uploaded is logged; libraries that would are kept quiet.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

__all__ = ["JsonLines", "configure"]

_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_TALKATIVE = ("aioice", "aiortc", "aiohttp.access", "asyncio")


class JsonLines(logging.Formatter):
    """``{"time", "level", "logger", "message", ...}``; whatever is logged as ``extra`` comes along,
    and a traceback as ``error``."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {k: v for k, v in vars(record).items() if k not in _KNOWN}
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


class _Lines(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")


def configure(style: str, level: str, stream: TextIO | None = None) -> None:
    """Log to ``stream``, standard error by default. style: "text" or "json"; level: a name of
    ``logging``'s, in any case. May be called again; the last one counts."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else _Lines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
