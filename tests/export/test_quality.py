"""What hides a face, or spoils it, is noticed; a good photo is praised by silence."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from export.landmarks import FaceMesh
from export.quality import PhotoQuality, Verdict, judge
from tests import photos
from tests.export.conftest import Face
from tests.occluders import fingers, mask, sunglasses

pytestmark = pytest.mark.export

Picture = NDArray[np.uint8]
Change = Callable[[Picture, NDArray[np.float32]], Picture]


@pytest.fixture(scope="module")
def faces() -> list[Face]:
    """A dark and a light skin."""
    found = []
    with FaceMesh() as mesh:
        for name in ("malik", "clara"):
            image = photos.builtin(name)
            landmarks = mesh.detect(image)
            assert landmarks is not None
            found.append(Face(image, landmarks))
    return found


def judged(face: Face, change: Change) -> PhotoQuality:
    """As a user's photo would be: landmarks are found anew in what is left of the face."""
    image = change(face.image, face.landmarks)
    with FaceMesh() as mesh:
        landmarks = mesh.detect(image)
    assert landmarks is not None
    return judge(image, landmarks)


def poor(quality: PhotoQuality) -> set[str]:
    return {f.aspect for f in quality.findings if f.verdict is not Verdict.good}


def test_good_photos_are_good_and_the_smile_is_seen(faces: list[Face], astronaut: Face) -> None:
    for face in faces:
        quality = judge(face.image, face.landmarks)
        assert poor(quality) == set()
        assert quality.notes() == ()
        assert quality.refusal() is None
    assert poor(judge(astronaut.image, astronaut.landmarks)) == {"mouth closed"}


def _blurred(image: Picture, landmarks: NDArray[np.float32]) -> Picture:
    return cv2.GaussianBlur(image, (0, 0), 3.5)


def _lit_from_the_side(image: Picture, landmarks: NDArray[np.float32]) -> Picture:
    x = np.arange(image.shape[1]) - landmarks[1, 0]
    light = 0.25 + 0.75 / (1 + np.exp(-x / 25))
    return (image * light[None, :, None]).astype(np.uint8)


CHANGES: dict[str, tuple[Change, str]] = {
    "sunglasses": (sunglasses, "eyes seen"),
    "sunglasses that pass a quarter": (lambda i, p: sunglasses(i, p, 0.75), "eyes seen"),
    "four fingers": (fingers, "mouth seen"),
    "two fingers, upright": (lambda i, p: fingers(i, p, 1.1, -60, 2), "mouth seen"),
    "a mask": (mask, "mouth seen"),
    "a mask in the colour of skin": (lambda i, p: mask(i, p, (200, 165, 145)), "mouth seen"),
    "blurred": (_blurred, "sharpness"),
    "dark": (lambda i, p: (i * 0.25).astype(np.uint8), "light"),
    "overexposed": (lambda i, p: np.clip(i * 3.5, 0, 255).astype(np.uint8), "light"),
    "lit from the side": (_lit_from_the_side, "even light"),
}


@pytest.mark.parametrize(("change", "aspect"), CHANGES.values(), ids=list(CHANGES))
def test_what_spoils_a_photo_is_named(change: Change, aspect: str, faces: list[Face]) -> None:
    for face in faces:
        quality = judged(face, change)
        finding = quality.found(aspect)
        assert finding.verdict is Verdict.fair
        assert finding.says in quality.notes()
        assert quality.refusal() is None, "what can be done is done"


def test_what_is_blurred_is_not_called_hidden(faces: list[Face]) -> None:
    assert poor(judged(faces[0], lambda i, p: cv2.GaussianBlur(i, (0, 0), 8))) == {"sharpness"}


def test_the_size_of_the_photo_does_not_matter(faces: list[Face]) -> None:
    """The same face at 512 and at 1024 pixels, and the same findings."""
    face = faces[1]
    double = cv2.resize(face.image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    small, large = (
        judge(image, face.landmarks * scale) for image, scale in ((face.image, 1), (double, 2))
    )
    for a, b in zip(small.findings, large.findings, strict=True):
        if a.aspect == "size":
            assert b.value == pytest.approx(2 * a.value)
        else:
            assert b.value == pytest.approx(a.value, rel=0.12, abs=0.02), a.aspect
