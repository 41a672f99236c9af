"""The warp is exact on affine motion, survives crowded lips, and registration brings pictures
together."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from export.landmarks import INNER_LIP_LOWER, INNER_LIP_UPPER, OUTER_LIPS
from training.builtin.warp import correspondences, lookup, register, sample


def texture(size: int = 192, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).random((size, size, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    return (smooth - smooth.min()) / np.ptp(smooth)


def test_affine_motion_is_exact() -> None:
    target = np.random.default_rng(1).uniform(10, 180, (60, 2))
    matrix, shift = np.array([[1.1, 0.2], [-0.15, 0.9]]), np.array([5.0, -7.0])
    where = lookup(target, target @ matrix + shift, 192)
    y, x = 77, 130
    np.testing.assert_allclose(where[y, x], (x + 0.5, y + 0.5) @ matrix + shift, atol=1e-2)


def test_identity_lookup_returns_the_picture() -> None:
    image = (texture() * 255).astype(np.uint8)
    points = np.random.default_rng(2).uniform(0, 192, (40, 2))
    np.testing.assert_allclose(sample(image, lookup(points, points, 192)), image / 255, atol=0.01)


def test_landmarks_within_the_lips_become_one_seam() -> None:
    points = np.random.default_rng(3).uniform(300, 400, (478, 2))
    angle = np.linspace(0, 2 * np.pi, len(OUTER_LIPS), endpoint=False)
    points[list(OUTER_LIPS)] = 100 + np.stack([40 * np.cos(angle), 15 * np.sin(angle)], 1)
    along = np.linspace(-35, 35, len(INNER_LIP_UPPER))
    points[list(INNER_LIP_UPPER)] = 100 + np.stack([along, np.full_like(along, -1.0)], 1)
    lower = 100 + np.stack([along, np.full_like(along, 3.0)], 1)
    points[list(INNER_LIP_LOWER[1:-1])] = lower[1:-1]
    target, source = correspondences(points, points + 5)
    np.testing.assert_allclose(source, target + 5)
    seam = target[np.abs((target - 100) / (34, 7)).max(1) < 1]
    assert len(seam) == len(INNER_LIP_UPPER) - 2
    np.testing.assert_allclose(seam[:, 1], 101.0)


@pytest.mark.parametrize("shift", [2.0, 4.0])
def test_registration_brings_shifted_pictures_together(shift: float) -> None:
    picture = texture()
    moved = [
        cv2.warpAffine(picture, np.float32([[1, 0, d], [0, 1, 0]]), (192, 192), borderMode=1)
        for d in (-shift, 0.0, shift)
    ]
    moves = register(moved)
    axis = np.arange(192, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    aligned = [
        cv2.remap(p, x + m[..., 0], y + m[..., 1], cv2.INTER_LINEAR)
        for p, m in zip(moved, moves, strict=True)
    ]
    core = np.s_[:, 30:-30, 30:-30]
    before, after = (np.std(np.stack(p)[core], axis=0).mean() for p in (moved, aligned))
    assert after < 0.4 * before
    np.testing.assert_allclose(np.mean(moves, axis=0), 0, atol=1e-3)
