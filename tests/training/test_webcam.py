"""A webcam's picture shows the same scene, smaller and worse, and the same one for a seed."""

from __future__ import annotations

import numpy as np
from skimage import data

from training.webcam import webcam

EYES = np.array([[195.0, 110.0], [245.0, 110.0]])


def test_takes_the_scene_with_fewer_pixels_and_other_light() -> None:
    image = data.astronaut()
    taken = [webcam(image, EYES * k, np.random.default_rng(k)) for k in (1, 2, 3)]
    for picture in taken:
        assert picture.dtype == np.uint8
        assert 36 / 150 <= picture.shape[0] / image.shape[0] <= 1
        small = image[:: len(image) // 64, :: len(image) // 64].mean(2).ravel()[:4096]
        y = np.linspace(0, len(picture) - 1, 64).astype(int)
        assert np.corrcoef(small, picture[np.ix_(y, y)].mean(2).ravel())[0, 1] > 0.7
    tints = [(p.mean((0, 1)) / p.mean()).round(2).tolist() for p in taken]
    assert len({*map(tuple, tints)}) == 3
    again = webcam(image, EYES, np.random.default_rng(1))
    assert np.array_equal(again, taken[0])
    assert np.array_equal(image, data.astronaut())
