"""Every instruction that files need works; every other is refused; nothing can be made to hang."""

from __future__ import annotations

import io
import pickle
import struct
from typing import Any

import pytest

from export.generator.stack_machine import Name, Refused, StackMachine


def walked(data: bytes, calls: dict[str, Any] | None = None) -> Any:
    machine = StackMachine(
        calls or {},
        frozenset({"a Name"}),
        frozenset({"a Dict"}),
        lambda identity: ("out", identity),
    )
    return machine.run(io.BytesIO(data))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values_come_back(protocol: int) -> None:
    shared = [1, 2]
    value = {
        "numbers": [0, 255, 256, 65536, -1, 1 << 40, 1.5, True, False, None],
        "text": "grüß" * 100,
        "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "shared": [shared, shared],
        3: {"inside": {}},
    }
    again = walked(pickle.dumps(value, protocol))
    assert again == value
    assert again["shared"][0] is again["shared"][1]


def test_bytes_and_sets() -> None:
    assert walked(pickle.dumps([b"ab", b"c" * 300], 4)) == [b"ab", b"c" * 300]
    assert walked(pickle.dumps({7}, 4)) == [7]
    assert walked(pickle.dumps(frozenset({7}), 4)) == [7]


def test_calls_are_answered_by_the_table() -> None:
    assert (
        walked(b"ca\nCall\n(I1\ntR.".replace(b"I1\n", b"K\x01"), {"a Call": lambda x: x + 1}) == 2
    )
    assert walked(b"ca\nName\n.") == Name("a Name")
    assert walked(b"ca\nDict\n)\x81.") == {}
    assert walked(b"K\x07Q.") == ("out", 7)


class Box:
    state: object = None

    def fill(self, state: object) -> None:
        self.state = state


def test_a_state_goes_to_what_takes_one() -> None:
    box = walked(b"ca\nBox\n)RK\x05b.", {"a Box": Box})
    assert box.state == 5
    assert walked(b"}K\x05b.") == {}
    with pytest.raises(Refused, match="a state"):
        walked(b"]K\x05b.")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"cos\nsystem\n(U\x02lstR.", "os system"),
        (b"\x8c\x02os\x8c\x06system\x93.", "os system"),
        (b"(U\x02lsios\nsystem\n.", "INST"),
        (b"(cos\nsystem\nU\x02lso.", "os system"),
        (b"(ca\nName\nU\x02lso.", "OBJ"),
        (b"ca\nName\n)\x81.", "NEWOBJ"),
        (b"ca\nDict\n(K\x01t\x81.", "NEWOBJ"),
        (b"ca\nName\n)}\x92.", "NEWOBJ_EX"),
        (b"\x82\x01.", "EXT1"),
        (b"\x83\x01\x00.", "EXT2"),
        (b"\x84\x01\x00\x00\x00.", "EXT4"),
        (b"\x97.", "NEXT_BUFFER"),
        (b"\x98.", "READONLY_BUFFER"),
        (b"ca\nName\n)R.", "a Name"),
        (b"K\x01)R.", "no name"),
        (b"}(]K\x01u.", "keys"),
        (b"K\x01K\x02a.", "no list"),
        (b"", "damaged"),
        (b".", "damaged"),
        (b"K\x01", "damaged"),
        (b"h\x05.", "damaged"),
        (b"t.", "damaged"),
        (b"X\xff\xff\xff\x7fab.", "damaged"),
        (b"\x8e" + struct.pack("<Q", 1 << 62) + b"ab.", "damaged"),
    ],
)
def test_everything_else_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words):
        walked(data)


def test_nesting_costs_nothing() -> None:
    """A thousand levels of tuples, each holding the last one twice: 2^1000 if it were walked."""
    doubled = b")" + b"q\x000h\x00h\x00\x86".replace(b"0", b"") * 1000
    value = walked(doubled + b".")
    assert len(value) == 2
    with pytest.raises(Refused, match="keys"):
        walked(b"}(" + doubled + b"K\x01u.")
