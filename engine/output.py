"""Files that are either written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import BadInput

__all__ = ["written_whole"]


@contextmanager
def written_whole(out: Path) -> Iterator[Path]:
    """An empty file beside ``out`` to write to; it becomes ``out`` when the block ends well.

    When the block fails it is removed, and whatever ``out`` was before stays as it was. Folders on
    the way are made.

    Raises BadInput at once where ``out`` can not be written, so that no work is lost on it later.
    """
    if out.is_dir():
        raise BadInput(f"{out} is a folder, expected the name of a file to write: add one")
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()
    except OSError as error:
        raise BadInput(
            f"{out} can not be written ({error.strerror or error}), expected a place where you may "
            "write: choose another"
        ) from error
    try:
        yield partial
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
