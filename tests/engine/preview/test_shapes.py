"""Shapes cover the pixels that they should, and half of those on their border."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.preview import shapes
from engine.preview.shapes import capsule, coverage, disc, outline, painted, ppm, rgb, rounded


def test_areas_are_those_of_geometry() -> None:
    assert coverage(disc(64, 64, (32, 32), 20)).sum() == pytest.approx(np.pi * 400, rel=0.01)
    assert coverage(rounded(60, 40, 10)).sum() == pytest.approx(2400 - (4 - np.pi) * 100, rel=0.01)
    assert coverage(capsule(64, 64, (12, 32), (52, 32), 8)).sum() == pytest.approx(
        40 * 8 + np.pi * 16, rel=0.02
    )
    ring = coverage(outline(disc(64, 64, (32, 32), 20), 2))
    assert ring.sum() == pytest.approx(np.pi * (400 - 324), rel=0.03)
    bow = coverage(shapes.arc(64, 64, (32, 32), 20, 2))
    assert bow.sum() == pytest.approx(np.pi * 20 * 2, rel=0.03)
    assert not bow[:31].any()


def test_a_rectangle_without_radius_is_all_covered() -> None:
    assert (coverage(rounded(8, 6, 0)) == 1).all()
    assert coverage(rounded(8, 6, 0, inset=1)).sum() == 6 * 4


def test_layers_are_painted_over_a_ground() -> None:
    full = np.ones((2, 3), np.float32)
    image = painted("#ffffff", (full, "#102030"), (full * np.float32(0.5), "#ffffff"))
    assert image.shape == (2, 3, 3)
    assert image[0, 0].tolist() == [136, 144, 152]
    again = painted(image, (full, "#000000"))
    assert not again.any()
    assert image.any(), "the ground stays as it was"
    assert painted("#0a0b0c", size=(4, 2)).shape == (2, 4, 3)
    assert rgb("#0a0b0c").tolist() == [10, 11, 12]


def test_a_ppm_is_what_opencv_reads() -> None:
    image = np.random.default_rng(0).integers(0, 255, (5, 7, 3)).astype(np.uint8)
    read = cv2.imdecode(np.frombuffer(ppm(image), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(read[..., ::-1], image)


def test_a_thumbnail_is_the_middle() -> None:
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, 20:60] = (0, 0, 255)
    jpg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    small = shapes.thumbnail(jpg, 10)
    assert small.shape == (10, 10, 3)
    assert (small[..., 0] > 230).all()
    assert (small[..., 2] < 25).all()
