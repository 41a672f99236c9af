"""``engine export`` without its extra, and its look before; the rest is tested in
tests/export/test_identity.py."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.cli import export
from tests import photos
from tests.engine.cli.calls import Run


def test_without_the_photo_extra_its_install_line_is_given(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    code, _, err = run("export", "--identity", tmp_path / "me.jpg")
    assert code == 2
    assert "pip install 'avatar-engine[photo]'" in err


@pytest.mark.export
def test_check_says_how_good_a_photo_is_and_makes_nothing(run: Run, tmp_path: Path) -> None:
    photo = tmp_path / "me.png"
    cv2.imwrite(str(photo), photos.builtin("clara")[..., ::-1])
    code, out, _ = run("export", "--identity", photo, "--check")
    assert code == 0
    assert "good Looking into the camera" in out
    cv2.imwrite(str(photo), np.full((200, 200, 3), 120, np.uint8))
    code, out, _ = run("export", "--identity", photo, "--check", "--progress", "json")
    assert code == 2
    described = json.loads(out)
    assert not described["usable"]
    assert "no face was found" in described["items"][0]["says"]
    assert [p.name for p in tmp_path.iterdir()] == ["me.png"]
