"""The identity photo: every usual kind of file is read alike, what is unfit is refused and why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import BadPhoto, MissingExtra
from export import photo as photo_module
from export.photo import find_face, read_photo
from tests import photos

Make = Callable[[Path], Path]


@pytest.mark.parametrize("make", photos.GOOD.values(), ids=list(photos.GOOD))
def test_reads(make: Make, tmp_path: Path) -> None:
    image = read_photo(make(tmp_path))
    expected = photos.astronaut()
    assert image.shape == expected.shape
    assert image.dtype == np.uint8
    grey = np.abs(image.mean(2) - expected.mean(2))
    inside = np.s_[100:200, 100:200]
    assert grey[inside].mean() < 12, "upright, and in the right tones"


def test_transparency_lies_over_grey(tmp_path: Path) -> None:
    image = read_photo(photos.GOOD["alpha"](tmp_path))
    np.testing.assert_array_equal(image[0, 0], [128, 128, 128])


def test_colours_survive(tmp_path: Path) -> None:
    for kind in ("jpeg", "webp", "EXIF rotation", "palette"):
        image = read_photo(photos.GOOD[kind](tmp_path)).astype(int)
        assert np.abs(image - photos.astronaut()).mean() < 6, kind


def test_a_large_photo_is_scaled_down(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.new("RGB", (4000, 3000), (90, 120, 150)).save(path)
    assert read_photo(path).shape == (1536, 2048, 3)


def test_a_photo_of_more_pixels_than_sense_is_refused_before_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_module, "_LARGEST", 100_000)
    path = tmp_path / "huge.png"
    Image.new("L", (400, 400)).save(path)
    with pytest.raises(BadPhoto, match="400 x 400 pixels, expected at most"):
        read_photo(path)


@pytest.mark.export
@pytest.mark.parametrize(("make", "says"), photos.BAD.values(), ids=list(photos.BAD))
def test_refuses(make: Make, says: str, tmp_path: Path) -> None:
    path = make(tmp_path)
    with pytest.raises(BadPhoto, match="expected") as caught:
        find_face(read_photo(path))
    assert says in str(caught.value)


@pytest.mark.export
def test_finds_the_face_of_a_good_photo(tmp_path: Path) -> None:
    portrait = find_face(read_photo(photos.GOOD["png"](tmp_path)))
    assert portrait.landmarks.shape == (478, 3)
    np.testing.assert_allclose(portrait.landmarks[1, :2], [150, 130], atol=15)


@pytest.mark.export
def test_people_far_behind_do_not_count(tmp_path: Path) -> None:
    near = np.asarray(Image.fromarray(photos.astronaut()).resize((900, 900)))
    scene = np.full((900, 1300, 3), 150, np.uint8)
    scene[:, :900] = near
    scene[100:350, 1000:1250] = np.asarray(Image.fromarray(photos.astronaut()).resize((250, 250)))
    portrait = find_face(scene)
    assert portrait.landmarks[:468, 0].mean() < 900


def test_without_pillow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtra):
        read_photo(tmp_path)
