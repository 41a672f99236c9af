from __future__ import annotations

import pytest

from server.candidates import MOST_ADDRESSES, MOST_NAMES, trusted_candidates

HEAD = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"


def line(host: str, port: int = 50000, transport: str = "udp") -> str:
    return f"a=candidate:1 1 {transport} 2122260223 {host} {port} typ host generation 0\r\n"


@pytest.mark.parametrize(
    "host",
    ["192.168.1.7", "203.0.113.5", "2001:db8::7", "fd00::1", "169.254.3.4",
     "c3fce2a4-5a5b-4a3c-9a44-8a8a8a8a8a8a.local"],
)  # fmt: skip
def test_what_a_browser_names_is_kept(host: str) -> None:
    offer = HEAD + line(host) + "a=end-of-candidates\r\n"
    assert trusted_candidates(offer) == offer


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "224.0.0.251",
     "255.255.255.255", "ff02::fb", "victim.example", "localhost", "1.2.3", ""],
)  # fmt: skip
def test_what_no_browser_can_be_at_is_left_out(host: str) -> None:
    assert trusted_candidates(HEAD + line(host)) == HEAD


def test_other_transports_and_broken_lines_are_left_out() -> None:
    broken = "a=candidate:1 1 udp\r\na=candidate:\r\n"
    assert trusted_candidates(HEAD + line("192.0.2.1", transport="tcp") + broken) == HEAD


def test_few_are_tried_and_the_same_one_may_stand_in_every_section() -> None:
    many = "".join(line(f"198.51.100.{n}") for n in range(200))
    names = "".join(line(f"{n}.local") for n in range(50))
    kept = trusted_candidates(HEAD + many + names + "m=video 9 x 96\r\n" + many + names)
    assert kept.count("a=candidate") == 2 * (MOST_ADDRESSES + MOST_NAMES)
    ports = "".join(line("198.51.100.1", port=p) for p in range(1, 1000))
    assert trusted_candidates(HEAD + ports).count("a=candidate") == MOST_ADDRESSES
