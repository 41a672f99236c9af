"""A process that is ready to check one upload: ``python -m export.checker``.

Loading mediapipe takes longer than looking at a photo does. So the process loads it, tries it on an
empty picture, and writes one line::

    {"ready": true}

Then it reads a path from its standard input, writes ``export.check``'s answer as one line of JSON,
or ``{"error": "..."}``, and ends. A file that breaks a decoder breaks this process alone, and it is
never used for a second one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TextIO

import numpy as np

from engine.errors import AvatarEngineError
from export.check import check
from export.faces import find_faces

__all__ = ["main"]


def main(asks: TextIO = sys.stdin, answers: TextIO = sys.stdout) -> None:
    """Warm up, take one path, answer it."""
    find_faces(np.zeros((64, 64, 3), np.uint8))
    _say(answers, {"ready": True})
    path = asks.readline().rstrip("\n")
    if not path:
        return  # nobody needed it
    try:
        answer = check(Path(path)).described()
    except AvatarEngineError as error:
        answer = {"error": str(error)}
    _say(answers, answer)


def _say(out: TextIO, event: dict[str, object]) -> None:
    out.write(json.dumps(event) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
