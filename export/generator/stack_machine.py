"""A pickle walked instead of loaded.

A pickle is a program: whoever loads one lets it call what it names. This is the stack machine of
PEP 307 and 3154 without the instructions that could make anything: it knows the few that files of
generators need, and a call is looked up in a table that the reader hands in. Everything else is
refused before anything is made of it. Nothing in a file is ever hashed, compared or printed in a
way whose cost a file could choose.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

__all__ = ["DAMAGED", "Calls", "Fillable", "Name", "Refused", "StackMachine"]

DAMAGED = "a pickle that is damaged or cut short"

Calls = Mapping[str, Callable[..., Any]]


class Refused(ValueError):
    """The file is damaged, or holds what a generator does not need; the message says what."""


@dataclass(frozen=True)
class Name:
    """A module and an attribute that stand in the file. A name is all that it is."""

    text: str


class Fillable(Protocol):
    """What a call may give that gets its state by a later instruction."""

    def fill(self, state: object) -> None:
        """Take the state, or leave it."""


@dataclass
class StackMachine:
    """calls: "module attribute" -> what answers a call of it. names: those that are only named.
    empty_dict: the classes that are made as an empty dict. stored: gives what a persistent id
    stands for."""

    calls: Calls
    names: frozenset[str]
    empty_dict: frozenset[str]
    stored: Callable[[object], object]
    _stack: list[Any] = field(default_factory=list)
    _marks: list[int] = field(default_factory=list)
    _memo: dict[int, Any] = field(default_factory=dict)

    def run(self, file: BinaryIO) -> object:
        """Walk one pickle; the file then stands behind it. Raises Refused."""
        try:
            for opcode, argument, _ in pickletools.genops(file):
                step = _STEPS.get(opcode.name)
                if step is None:
                    raise Refused(f"the instruction {opcode.name}, which no generator needs")
                step(self, argument)
            return self._stack.pop()
        except Refused:
            raise
        except (
            ValueError, TypeError, LookupError, AttributeError, OverflowError, MemoryError,
            RuntimeError,
        ) as error:  # fmt: skip
            raise Refused(DAMAGED) from error

    def push(self, value: Any) -> None:
        """A literal."""
        self._stack.append(value)

    def taken(self, count: int) -> list[Any]:
        """The last items, off the stack."""
        if len(self._stack) < count:
            raise Refused(DAMAGED)
        items = self._stack[-count:]
        del self._stack[-count:]
        return items

    def mark(self) -> None:
        """Where a run of items begins."""
        self._marks.append(len(self._stack))

    def marked(self) -> list[Any]:
        """The items since the last mark, off the stack."""
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def remember(self, key: int | None) -> None:
        """What is on top, under a number or under the next one."""
        self._memo[len(self._memo) if key is None else key] = self._stack[-1]

    def recall(self, key: int) -> None:
        """What was remembered."""
        self.push(self._memo[key])

    def append(self, items: list[Any]) -> None:
        """To the list on top."""
        target = self._stack[-1]
        if not isinstance(target, list):
            raise Refused("items for what is no list")
        target.extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Into the dict on top. Keys are text or numbers: others could be hashed for ever."""
        target = self._stack[-1]
        if not isinstance(target, dict):
            raise Refused("entries for what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | int):
                raise Refused("a dict with keys of an unknown kind")
            target[key] = value

    def name(self, parts: list[Any]) -> None:
        """Module and attribute."""
        text = " ".join(parts)
        if text not in self.calls and text not in self.names and text not in self.empty_dict:
            raise Refused(f"the name {text[:80]!r}, which no generator needs")
        self.push(Name(text))

    def call(self) -> None:
        """REDUCE: a name of the table on a tuple."""
        target, arguments = self.taken(2)
        if not isinstance(target, Name) or not isinstance(arguments, tuple):
            raise Refused("a call of something that is no name")
        if target.text not in self.calls:
            raise Refused(f"a call of {target.text!r}, which no generator needs")
        self.push(self.calls[target.text](*arguments))

    def new_object(self) -> None:
        """NEWOBJ, which real files need for one kind of class: dicts with attributes."""
        target, arguments = self.taken(2)
        known = isinstance(target, Name) and target.text in self.empty_dict
        if not known or not isinstance(arguments, tuple) or len(arguments):
            raise Refused("the instruction NEWOBJ, which no generator needs")
        self.push({})

    def build(self) -> None:
        """BUILD: what was made gets its state; a dict has none that matters."""
        target, state = self.taken(2)
        if not isinstance(target, dict):
            if not hasattr(target, "fill"):
                raise Refused("a state for what has none")
            target.fill(state)
        self.push(target)

    def persistent(self) -> None:
        """BINPERSID: something outside of the pickle."""
        self.push(self.stored(self._stack.pop()))


_Step = Callable[[StackMachine, Any], None]
_STEPS: dict[str, _Step] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda m, _: None),
    **dict.fromkeys(
        (
            "BINBYTES", "BINBYTES8", "SHORT_BINBYTES", "BYTEARRAY8", "BINUNICODE", "BINUNICODE8",
            "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING", "BINFLOAT", "BININT", "BININT1",
            "BININT2", "LONG1",
        ),
        StackMachine.push,
    ),
    "NONE": lambda m, _: m.push(None),
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "EMPTY_LIST": lambda m, _: m.push([]),
    "EMPTY_SET": lambda m, _: m.push([]),  # sets name buffers; a list needs no hashes
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "MARK": lambda m, _: m.mark(),
    "TUPLE": lambda m, _: m.push(tuple(m.marked())),
    "TUPLE1": lambda m, _: m.push(tuple(m.taken(1))),
    "TUPLE2": lambda m, _: m.push(tuple(m.taken(2))),
    "TUPLE3": lambda m, _: m.push(tuple(m.taken(3))),
    "FROZENSET": lambda m, _: m.push(m.marked()),
    "APPEND": lambda m, _: m.append(m.taken(1)),
    "APPENDS": lambda m, _: m.append(m.marked()),
    "ADDITEMS": lambda m, _: m.append(m.marked()),
    "SETITEM": lambda m, _: m.set_items(m.taken(2)),
    "SETITEMS": lambda m, _: m.set_items(m.marked()),
    "MEMOIZE": lambda m, _: m.remember(None),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), StackMachine.remember),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), StackMachine.recall),
    "GLOBAL": lambda m, text: m.name([text]),
    "STACK_GLOBAL": lambda m, _: m.name(m.taken(2)),
    "REDUCE": lambda m, _: m.call(),
    "NEWOBJ": lambda m, _: m.new_object(),
    "BUILD": lambda m, _: m.build(),
    "BINPERSID": lambda m, _: m.persistent(),
}  # fmt: skip
