"""Photos that smile: their own teeth in the layer, a seam where the lips were closed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from export.smile import Smile, own_teeth, seam_layer
from tests import bundles

OUTLINE = np.array([[56.0, 74], [72, 74], [72, 90], [56, 90]])
PIXELS = np.array([[1.0, 0, 0], [0, 1, 0]])


def shown(image: NDArray[np.uint8], edge: float, outline: NDArray[np.float64] = OUTLINE) -> Smile:
    return Smile(image, outline, np.array([64.0, edge]))


def test_bright_pale_pixels_of_the_opening_become_teeth() -> None:
    image = np.full((128, 128, 3), (150, 90, 80), np.uint8)
    image[76:88, 58:70] = (230, 225, 200)
    teeth = bundles.teeth()
    teeth = replace(teeth, origin=np.array([56.0, 76.0]))
    mine = own_teeth(teeth, shown(image, 85), PIXELS)
    np.testing.assert_array_equal(mine.lower, teeth.lower)
    tooth = mine.upper[5, 8]  # frame pixel (64, 81), clear in the drawn layer
    np.testing.assert_allclose(tooth[:3], (230, 225, 200), atol=3)
    assert tooth[3] > 240
    assert mine.upper[11, 8, 3] < 30, "below the biting edge is no upper tooth"


def test_lips_are_not_taken_for_teeth() -> None:
    image = np.full((128, 128, 3), (190, 80, 80), np.uint8)
    image[78:84, 60:68] = (230, 225, 200)
    teeth = bundles.teeth()
    mine = own_teeth(teeth, shown(image, 90), PIXELS)
    assert mine.upper[8, 1, 3] < 40


def test_drawn_teeth_take_on_the_light_of_the_real_ones() -> None:
    image = np.full((128, 128, 3), (120, 110, 80), np.uint8)
    mine = own_teeth(bundles.teeth(), shown(image, 90), PIXELS)
    assert 110 <= mine.upper[1, 0, 0] <= 135, "the corner was white, and not seen in the photo"


def test_no_opening_no_teeth() -> None:
    image = np.zeros((128, 128, 3), np.uint8)
    flat = np.array([[56.0, 80], [72, 80], [64, 80]])
    drawn = bundles.teeth()
    mine = own_teeth(drawn, shown(image, 80, flat), PIXELS)
    np.testing.assert_array_equal(mine.upper[..., 3], drawn.upper[..., 3])


def test_the_seam_lies_between_the_lips_and_goes_when_they_part() -> None:
    x = np.linspace(0.35, 0.65, 11)
    lips = np.stack([x, np.full(11, 0.6)], 1)
    cover = seam_layer(lips, lips, 0.4, 128)
    assert cover.max() > 0.5
    y, _ = np.nonzero(cover > 0.3)
    assert y.mean() == pytest.approx(0.6 * 128, abs=1)
    apart = lips + np.array([0, 0.03])
    assert not seam_layer(lips, apart, 0.4, 128).any()
