from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from server.logs import configure


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_json_lines_hold_what_was_logged_and_nothing_between() -> None:
    out = io.StringIO()
    configure("json", "info", out)
    logger = logging.getLogger("server.session")
    logger.info("session %d ended", 3, extra={"session": 3, "reason": 'closed "by" peer\n'})
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logger.exception("it failed")
    first, second = map(json.loads, out.getvalue().splitlines())
    assert first.pop("time").endswith("+00:00")
    assert first == {
        "level": "info",
        "logger": "server.session",
        "message": "session 3 ended",
        "session": 3,
        "reason": 'closed "by" peer\n',
    }
    assert second["level"] == "error"
    assert "ValueError: two\nlines" in second["error"]


def test_text_for_people_and_libraries_that_name_addresses_are_quiet() -> None:
    out = io.StringIO()
    configure("text", "info", out)
    logging.getLogger("aioice.ice").info("Check CandidatePair(('192.0.2.1', 4)) succeeded")
    logging.getLogger("server.app").info("ready")
    assert out.getvalue().endswith(" INFO    ready\n")
    assert out.getvalue().count("\n") == 1
