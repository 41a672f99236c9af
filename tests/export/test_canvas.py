"""The canvas cut out of a picture: the right pixels, averaged."""

from __future__ import annotations

import numpy as np
import pytest

from export.canvas import canvas_picture


@pytest.mark.parametrize("size", [16, 64, 128])
def test_cuts_out_the_square_that_the_matrix_names(size: int) -> None:
    y, x = np.mgrid[:256, :256]
    image = np.stack([x, y, np.full_like(x, 40)], -1).astype(np.uint8)
    matrix = np.array([[128.0, 0, 50], [0, 128, 70]])
    picture = canvas_picture(image, matrix, size)
    centres = (np.arange(size) + 0.5) / size * 128 - 0.5
    np.testing.assert_allclose(picture[size // 2, :, 0], centres + 50, atol=1)
    np.testing.assert_allclose(picture[:, size // 2, 1], centres + 70, atol=1)
    assert (picture[..., 2] == 40).all()


def test_turns_with_the_matrix() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    image[:, 100:] = 255
    turned = np.array([[0.0, -100, 150], [100, 0, 50]])  # the canvas's x axis points down
    picture = canvas_picture(image, turned, 32)
    assert picture[2].min() == 255
    assert picture[-3].max() == 0


def test_averages_what_it_shrinks() -> None:
    checks = np.indices((512, 512)).sum(0) % 2 * 255
    image = np.repeat(checks[..., None], 3, -1).astype(np.uint8)
    picture = canvas_picture(image, np.array([[512.0, 0, 0], [0, 512, 0]]), 32)
    assert np.abs(picture.astype(int) - 128).max() < 20, "no moire"


def test_continues_the_edge() -> None:
    image = np.full((50, 50, 3), 77, np.uint8)
    assert (canvas_picture(image, np.array([[200.0, 0, -80], [0, 200, -80]]), 32) == 77).all()
