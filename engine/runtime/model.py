"""What every back end is to its callers: named arrays in, named arrays out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

__all__ = ["Model", "Shape"]

Shape = tuple[int | str, ...]


class Model(Protocol):
    """A loaded model, safe to call from several threads.

    metadata: what its maker wrote into it. inputs, outputs: names with shapes; a text in a shape
    stands for any size.
    """

    metadata: dict[str, str]
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]

    def run(self, inputs: Mapping[str, Any], keep: Collection[str] = ()) -> dict[str, Any]:
        """One call. Values are numpy arrays, or what an earlier call of this model kept.

        keep: outputs that are only to be fed back. On a GPU they never leave it, and what comes
        back for them is a handle; a state costs no copy then.
        """
        ...
