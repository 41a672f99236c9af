"""The options of ``engine serve``; the server itself is tested in tests/server."""

from __future__ import annotations

import pytest

from tests.engine.cli.calls import Run, refused


@pytest.mark.parametrize("number", ["0", "-1", "many", "1.5", ""])
def test_a_number_of_sessions_that_is_none(run: Run, number: str) -> None:
    refused(run("serve", f"--max-sessions={number}"), "expected auto or a number from 1 on")
