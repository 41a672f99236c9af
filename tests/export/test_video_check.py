"""A look at the first seconds of a video, of a built-in avatar that talks or does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import BadPhoto
from export import video_check
from export.check import Check, check
from export.quality import Verdict
from tests import videos
from tests.export.conftest import Filmed

pytestmark = pytest.mark.export


def poor(found: Check) -> dict[str, Verdict]:
    return {i.aspect: i.verdict for i in found.items if i.verdict is not Verdict.good}


def test_a_good_video_is_long_enough_or_that_is_all_there_is_against_it(filmed: Filmed) -> None:
    """Three seconds are just enough."""
    found = check(filmed.path)
    assert found.kind == "video"
    assert found.usable
    assert poor(found) == {"length": Verdict.fair}
    assert found.face is not None
    assert found.face[0] < 0.5 < found.face[2]


def test_too_short_silent_and_mostly_empty(tmp_path: Path) -> None:
    def leaves(k: int, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return image if k < 24 else np.full_like(image, 120)

    path = videos.write(tmp_path / "short.mp4", videos.talking(50, leaves))
    found = check(path)
    assert not found.usable
    assert poor(found)["length"] is Verdict.bad
    assert poor(found)["face"] is Verdict.bad
    still = next(iter(videos.talking(1)))
    path = videos.write(tmp_path / "still.mp4", iter([still] * 66))
    assert poor(check(path)) == {"length": Verdict.fair, "speech": Verdict.fair}


def test_nobody_and_two_people(tmp_path: Path) -> None:
    wall = np.full((120, 160, 3), 120, np.uint8)
    found = check(videos.write(tmp_path / "wall.mp4", iter([wall] * 20)))
    assert (found.usable, found.face) == (False, None)
    person = next(iter(videos.talking(1)))
    both = np.hstack([person, person])
    found = check(videos.write(tmp_path / "both.mp4", iter([both] * 30)))
    assert not found.usable
    assert "two people" in found.items[0].says


def test_a_long_one_is_not_looked_at_to_its_end(
    filmed: Filmed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_check, "LOOKED_AT", 1.0)
    monkeypatch.setattr(video_check, "_LONG_ENOUGH", 1.0)
    glances, seconds = video_check._glances(filmed.path)
    assert (len(glances), seconds) == (3, 1.0)
    assert "length" not in poor(check(filmed.path))


def test_what_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "me.mp4"
    path.write_text("no video")
    with pytest.raises(BadPhoto, match="can not be read as a video"):
        check(path)
