"""The process that waits for one upload, without a process."""

from __future__ import annotations

import io
import json
from pathlib import Path

import cv2
import pytest

from export.checker import main
from tests import photos

pytestmark = pytest.mark.export


def answers(asked: str) -> list[dict[str, object]]:
    out = io.StringIO()
    main(io.StringIO(asked), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_is_ready_looks_once_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "me.png"
    cv2.imwrite(str(path), photos.builtin("clara")[..., ::-1])
    ready, found = answers(f"{path}\n{path}\n")
    assert ready == {"ready": True}
    assert found["usable"]


def test_nobody_needs_it_or_the_file_is_none(tmp_path: Path) -> None:
    assert answers("") == [{"ready": True}]
    _, refused = answers(f"{tmp_path / 'gone.jpg'}\n")
    assert "there is no file" in str(refused["error"])
