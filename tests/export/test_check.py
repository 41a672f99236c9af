"""The list that people go through before they export."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import BadPhoto
from export.check import check, face_box, quality_items
from export.quality import Finding, PhotoQuality, Verdict
from tests import photos
from tests.occluders import sunglasses

ASPECTS = ("size", "yaw", "pitch", "roll", "eyes open", "eyes seen", "mouth seen", "mouth closed",
           "sharpness", "light", "even light")  # fmt: skip


def quality(**poor: Verdict) -> PhotoQuality:
    """All good but for some; spaces in an aspect are underscores here."""
    verdicts = {name: poor.get(name.replace(" ", "_"), Verdict.good) for name in ASPECTS}
    return PhotoQuality(
        tuple(
            Finding(name, 0.0, verdict, "" if verdict is Verdict.good else f"{name} is {verdict}")
            for name, verdict in verdicts.items()
        )
    )


def poor(items: object) -> dict[str, str]:
    return {i.aspect: i.says for i in items if i.verdict is not Verdict.good}  # type: ignore[attr-defined]


def test_every_finding_is_answered_by_one_question() -> None:
    for name in ASPECTS:
        found = poor(quality_items([quality(**{name.replace(" ", "_"): Verdict.bad})]))
        assert list(found.values()) == [f"{name} is bad"]
    assert (
        len(quality_items([quality()], leave_out=("size",))) == len(quality_items([quality()])) - 1
    )


def test_the_gravest_of_a_question_and_the_middle_of_several_looks() -> None:
    one = quality(light=Verdict.fair, even_light=Verdict.fair, pitch=Verdict.bad, roll=Verdict.fair)
    assert poor(quality_items([one])) == {"pose": "pitch is bad", "light": "light is fair"}
    assert poor(quality_items([one, quality(), quality()])) == {}
    assert set(poor(quality_items([one, one, quality()]))) == {"pose", "light"}


def test_where_the_face_is() -> None:
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[0, :2], landmarks[1:, :2] = (-5, 20), (50, 100)
    assert face_box(landmarks, (200, 100, 3)) == (0.0, 0.1, 0.5, 0.5)


def saved(folder: Path, image: NDArray[np.uint8]) -> Path:
    path = folder / "me.png"
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path


@pytest.mark.export
def test_a_good_photo_has_nothing_against_it(tmp_path: Path) -> None:
    found = check(saved(tmp_path, photos.builtin("clara")))
    assert found.usable
    assert poor(found.items) == {}
    assert found.face is not None
    x0, y0, x1, y1 = found.face
    assert 0.2 < x0 < 0.4 < 0.6 < x1 < 0.8
    assert 0.1 < y0 < 0.4 < 0.6 < y1 < 0.9
    described = found.described()
    assert described["kind"] == "photo"
    assert described["items"][0] == {
        "aspect": "face", "label": "One face", "verdict": "good", "says": "",
    }  # fmt: skip


@pytest.mark.export
def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    """A small face in little light: several things to mend, one of which is fatal."""
    from export.landmarks import FaceMesh

    image = photos.builtin("clara")
    with FaceMesh() as mesh:
        landmarks = mesh.detect(image)
    assert landmarks is not None
    covered = sunglasses(image, landmarks)
    assert "eyes seen" in poor(check(saved(tmp_path, covered)).items)
    small = cv2.resize(image, (160, 160), interpolation=cv2.INTER_AREA)
    found = check(saved(tmp_path, (small * 0.2).astype(np.uint8)))
    assert {"size", "light", "room"} <= set(poor(found.items))
    assert not found.usable


@pytest.mark.export
def test_no_face_two_faces_and_no_picture(tmp_path: Path) -> None:
    nobody = check(saved(tmp_path, np.full((200, 200, 3), 120, np.uint8)))
    assert (nobody.usable, nobody.face) == (False, None)
    assert "no face was found" in nobody.items[0].says
    two = check(saved(tmp_path, np.hstack([photos.builtin("clara"), photos.builtin("jonas")])))
    assert not two.usable
    assert "2 faces" in two.items[0].says
    path = tmp_path / "me.jpg"
    path.write_text("no picture")
    with pytest.raises(BadPhoto, match="not a picture"):
        check(path)
