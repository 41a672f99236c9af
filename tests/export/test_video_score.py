"""The protocol: against another implementation, and against what it must notice."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from export.video_score import aligned, psnr, score, ssim

LANDMARKS = np.random.default_rng(3).uniform(40, 160, (478, 2))
LANDMARKS[[33, 133]], LANDMARKS[[362, 263]] = (70.0, 80.0), (120.0, 82.0)
LANDMARKS[13], LANDMARKS[14] = (95.0, 120.0), (95.0, 121.0)


@pytest.fixture
def picture() -> NDArray[np.uint8]:
    y, x = np.mgrid[:200, :200]
    waves = 120 + 60 * np.sin(x / 7) + 40 * np.cos(y / 5)
    return np.stack([waves, waves[::-1], waves.T], -1).astype(np.uint8)


def noisy(picture: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).normal(0, sigma, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def test_psnr_of_known_noise(picture: NDArray[np.uint8]) -> None:
    assert psnr(picture, noisy(picture, 8)) == pytest.approx(20 * np.log10(255 / 8), abs=0.3)


def test_ssim_is_skimage_s(picture: NDArray[np.uint8]) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    for sigma in (2, 20):
        other = noisy(picture, sigma)
        theirs = metrics.structural_similarity(picture, other, channel_axis=2)
        assert ssim(picture, other) == pytest.approx(theirs, abs=1e-9)


def test_eyes_come_to_their_places(picture: NDArray[np.uint8]) -> None:
    crop, points = aligned(picture, LANDMARKS)
    assert crop.shape == (256, 256, 3)
    assert np.allclose(points[33], (92, 100))
    assert np.allclose(points[263], (164, 100))


def shifted(points: NDArray[np.float64], lower_lip: float) -> NDArray[np.float64]:
    moved = points.copy()
    moved[[17, 14], 1] += lower_lip
    return moved


def test_a_perfect_copy_and_one_whose_lip_hangs(picture: NDArray[np.uint8]) -> None:
    crop, points = aligned(picture, LANDMARKS)
    opening = np.abs(np.sin(np.arange(20)))
    real = [(crop, shifted(points, 10 * k)) for k in opening]
    same = score(real, real)
    assert (same.lmd, same.gap_r) == (0, pytest.approx(1))
    assert same.psnr > 100
    assert same.ssim == pytest.approx(1)
    hanging = [(noisy(crop, 5), shifted(points, 10 * k + 4)) for k in opening]
    worse = score(real, hanging)
    assert worse.lmd == pytest.approx(4 / 20)  # one of the 20 outer-lip landmarks
    assert worse.gap_r == pytest.approx(1, abs=0.02)
    assert worse.psnr < 40
    still = score(real, [real[0]] * 20)
    assert still.gap_r == 0
    assert still.open_lmd > still.lmd
