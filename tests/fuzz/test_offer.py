"""Offers that no browser wrote."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import MonotonicClock
from engine.errors import BadOffer
from server.candidates import trusted_candidates
from server.gallery import Character
from server.metrics import Timings
from server.session import Session
from server.signalling import answer, new_connection
from tests.server.conftest import BROWSER_OFFER, synthetic
from tests.server.test_signalling import CHANNEL
from tests.virtual_time import InlineExecutor

LINES = (BROWSER_OFFER.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + CHANNEL).split("\r\n")
ODD = st.sampled_from(
    ["", "0", "-1", "99999999999999999999", "\x00", "ä" * 50, "a=group:BUNDLE 7", "/", "%s", "v=1",
     "a=candidate:1 1 udp 1 198.51.100.1 9 typ host", "m=application 9 UDP/DTLS/SCTP webrtc",
     "a=setup:passive", "a=ice-lite", "a=fingerprint:md5 00", "a=rtpmap:0", "a=extmap:300 x"]
)  # fmt: skip


@pytest.fixture(scope="module")
def character() -> Character:
    made = synthetic()
    return replace(made, thumbnail_jpg=b"", preview_png=b"")  # hypothesis prints it


def answered(offer: str, character: Character, tried: Counter[str]) -> None:
    """Answered, or refused in our own words; the session is gone either way."""

    async def main() -> None:
        tried["tried"] += 1
        ended: list[str] = []
        session = Session(
            "id", character, InlineExecutor(), MonotonicClock(), Timings(),
            lambda _, why: ended.append(why), new_connection(),
        )  # fmt: skip
        said = "expected"
        try:
            async with asyncio.timeout(5):
                sdp = await answer(offer, session)
            assert sdp.startswith("v=0")
            tried["taken"] += 1
        except BadOffer as error:
            said = str(error)
        assert "expected" in said
        await session.end("test")
        assert ended == ["test"]
        assert session.connection.connectionState == "closed"
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for _ in range(20):
            left = {task for task in left if not task.done()}
            if left:
                await asyncio.sleep(0.01)
        assert not left, f"still there: {left}"

    asyncio.run(main())


@given(
    edits=st.lists(
        st.tuples(
            st.sampled_from(["drop", "repeat", "swap", "replace", "insert", "word"]),
            st.integers(0, len(LINES) - 1),
            st.integers(0, len(LINES) - 1),
            ODD | st.text(max_size=30),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_lines_of_a_browsers_offer_changed(
    edits: list[tuple[str, int, int, str]], character: Character, tried: Any
) -> None:
    lines = list(LINES)
    for kind, at, other, text in edits:
        at, other = at % len(lines), other % len(lines)
        if kind == "drop" and len(lines) > 1:
            del lines[at]
        elif kind == "repeat":
            lines.insert(other, lines[at])
        elif kind == "swap":
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == "replace":
            lines[at] = text
        elif kind == "insert":
            lines.insert(at, text)
        else:
            words = lines[at].split(" ")
            words[other % len(words)] = text
            lines[at] = " ".join(words)
    answered("\r\n".join(lines), character, tried)


@given(text=st.text(max_size=300) | st.text(alphabet="v=0\r\nam:audio video9 ", max_size=300))
def test_any_text(text: str, character: Character, tried: Any) -> None:
    answered(text, character, tried)
    answered("v=0\r\n" + text, character, tried)


@given(text=st.text(max_size=200), lines=st.lists(st.text(max_size=60), max_size=20))
def test_candidates_of_any_kind(text: str, lines: list[str], tried: Any) -> None:
    tried["tried"] += 1
    offer = "\r\n".join(f"a=candidate:{line}" for line in [text, *lines])
    kept = trusted_candidates(offer)
    assert len(kept) <= len(offer)
