"""The identity photo: every usual kind of file is read alike, what is unfit is refused and why."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from engine.errors import BadPhoto, MissingExtra
from export import photo as photo_module
from export.faces import find_faces
from export.photo import find_face, look, read_photo
from tests import photos

Make = Callable[[Path], Path]


@pytest.mark.parametrize("make", photos.GOOD.values(), ids=list(photos.GOOD))
def test_reads(make: Make, tmp_path: Path) -> None:
    image = read_photo(make(tmp_path)).image
    expected = photos.astronaut()
    assert image.shape == expected.shape
    assert image.dtype == np.uint8
    grey = np.abs(image.mean(2) - expected.mean(2))
    inside = np.s_[100:200, 100:200]
    assert grey[inside].mean() < 12, "upright, and in the right tones"


def test_transparency_lies_over_grey(tmp_path: Path) -> None:
    image = read_photo(photos.GOOD["alpha"](tmp_path)).image
    np.testing.assert_array_equal(image[0, 0], [128, 128, 128])


def test_colours_survive(tmp_path: Path) -> None:
    for kind in ("jpeg", "webp", "EXIF rotation", "palette", "16 bit colour", "animated WebP"):
        image = read_photo(photos.GOOD[kind](tmp_path)).image.astype(int)
        assert np.abs(image - photos.astronaut()).mean() < 6, kind


def test_a_large_photo_is_scaled_down(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.new("RGB", (4000, 3000), (90, 120, 150)).save(path)
    assert read_photo(path).image.shape == (1536, 2048, 3)


def test_a_photo_of_more_pixels_than_sense_is_refused_before_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_module, "_LARGEST", 100_000)
    path = tmp_path / "huge.png"
    Image.new("L", (400, 400)).save(path)
    with pytest.raises(BadPhoto, match="400 x 400 pixels, expected at most"):
        read_photo(path)


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_of_an_animation_the_first_picture_is_taken_and_that_is_said(
    kind: str, tmp_path: Path
) -> None:
    names = {"gif": "animated GIF", "webp": "animated WebP"}
    photo = read_photo(photos.GOOD[names[kind]](tmp_path))
    assert "its first picture was taken" in photo.notes[0]
    assert read_photo(photos.GOOD[kind if kind == "webp" else "palette"](tmp_path)).notes == ()


def test_colours_are_taken_as_the_files_profile_means_them(tmp_path: Path) -> None:
    """A profile in which the channels change places, as clear as any other."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    swapped = bytearray(profile)
    swapped[red : red + 4], swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    path = tmp_path / "profile.png"
    Image.new("RGB", (64, 64), (200, 40, 90)).save(path, icc_profile=bytes(swapped))
    assert np.abs(read_photo(path).image[0, 0].astype(int) - (40, 200, 90)).max() < 6
    path = tmp_path / "broken.png"
    Image.new("RGB", (64, 64), (200, 40, 90)).save(path, icc_profile=b"nothing of the kind")
    np.testing.assert_array_equal(read_photo(path).image[0, 0], (200, 40, 90))


def test_forty_megapixels_are_read_within_memory(tmp_path: Path) -> None:
    """In a process of its own, whose greatest memory is its own too."""
    path = tmp_path / "large.png"
    Image.new("RGB", (7800, 5200), (90, 120, 150)).save(path, compress_level=1)
    script = (
        "import resource, sys, pathlib; from export.photo import read_photo\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(read_photo(pathlib.Path(sys.argv[1])).image.shape)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert said[0] == "(1365, 2048, 3)"
    assert int(said[1]) < 260_000, "KB: the picture once, four bytes a pixel, and its small copy"


def test_heic_is_read_where_its_reader_is(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "phone.heic"
    heif.from_pillow(Image.fromarray(photos.astronaut())).save(path, quality=95)
    image = read_photo(path).image.astype(int)
    assert np.abs(image - photos.astronaut()).mean() < 6


def test_heic_without_its_reader_is_told_how_to_get_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "phone.jpg"  # whatever it is named
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    with pytest.raises(BadPhoto, match=r"HEIC photo.*avatar-engine\[heic\].*Most Compatible"):
        read_photo(path)


@pytest.mark.export
@pytest.mark.parametrize(("make", "says"), photos.BAD.values(), ids=list(photos.BAD))
def test_refuses(make: Make, says: str, tmp_path: Path) -> None:
    path = make(tmp_path)
    with pytest.raises(BadPhoto, match="expected") as caught:
        find_face(read_photo(path).image)
    assert says in str(caught.value)


@pytest.mark.export
def test_finds_the_face_of_a_good_photo(tmp_path: Path) -> None:
    portrait = find_face(read_photo(photos.GOOD["png"](tmp_path)).image)
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


@pytest.mark.export
def test_of_two_faces_the_clearly_larger_one_is_taken_and_that_is_said() -> None:
    both = np.full((900, 1500, 3), 150, np.uint8)
    both[:, :900] = np.asarray(Image.fromarray(photos.astronaut()).resize((900, 900)))
    both[100:600, 950:1450] = np.asarray(Image.fromarray(photos.astronaut()).resize((500, 500)))
    portrait = find_face(both)
    assert portrait.landmarks[:468, 0].mean() < 900
    assert portrait.notes == ("2 faces were found: the largest one was taken",)


@pytest.mark.export
def test_a_face_in_the_dark_is_found_and_the_dark_is_said(tmp_path: Path) -> None:
    bright = photos.astronaut()
    dark = np.clip(bright * 0.02, 0, 255).round().astype(np.uint8)
    assert not find_faces(dark)
    portrait = find_face(dark)
    expected = find_face(bright).landmarks
    assert np.linalg.norm((portrait.landmarks - expected)[:, :2], axis=1).mean() < 4
    assert portrait.quality.found("light").says in portrait.quality.notes()


def test_without_pillow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtra):
        read_photo(tmp_path)


@pytest.mark.export
def test_a_look_goes_on_where_an_avatar_can_not_be_made() -> None:
    image = np.ascontiguousarray(cv2.resize(photos.astronaut(), (200, 200)))
    with pytest.raises(BadPhoto, match="pixels high"):
        find_face(image)
    quality = look(image).quality
    assert "pixels high" in str(quality.refusal())
    assert len(quality.notes()) > 0, "and what else would show"
