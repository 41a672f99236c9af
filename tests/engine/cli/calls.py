"""What a call of the program comes back with, and what a good refusal looks like."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Run", "refused"]

Run = Callable[..., tuple[int, str, str]]


def refused(ran: tuple[int, str, str], *says: str) -> None:
    """Exit code 2 and one line: what was got, what was expected, what to do."""
    code, out, err = ran
    assert code == 2, err
    assert out == ""
    assert err.startswith("error: ")
    assert "expected" in err
    assert "Traceback" not in err
    for words in says:
        assert words in err
