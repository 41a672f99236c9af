"""Files are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import BadInput
from engine.output import written_whole


def test_becomes_the_file_when_all_went_well(tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder" / "out.mp4"
    with written_whole(out) as partial:
        partial.write_text("whole")
        assert not out.exists()
    assert out.read_text() == "whole"
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_leaves_what_was_there_when_not(tmp_path: Path, error: type[BaseException]) -> None:
    out = tmp_path / "out.mp4"
    out.write_text("old")

    def begin() -> None:
        with written_whole(out) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(error):
        begin()
    assert out.read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_refuses_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is a folder, expected"), written_whole(tmp_path):
        pytest.fail("the work was begun")


def test_refuses_a_place_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    out = tmp_path / "file" / "out.mp4"
    with pytest.raises(BadInput, match="can not be written"), written_whole(out):
        pytest.fail("the work was begun")
