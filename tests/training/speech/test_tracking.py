"""Lips are measured free of pose, size and place; rest is the closed mouth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.basis import LandmarkBasis
from training.speech.lips import gap_and_width
from training.speech.measure import lip_curves
from training.speech.tracking import lip_displacement


def turned(points: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    """Rolled in the picture's plane, enlarged and moved."""
    a = np.radians(degrees)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    return 7.0 * points @ turn.T + np.array([150.0, 140.0, 3.0])


def clip() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Landmarks of a head that rolls while its jaw opens and closes, and the gap it had."""
    basis = LandmarkBasis.load()
    faces = np.zeros((40, 52), np.float32)
    faces[:, 17] = np.maximum(0, np.sin(np.arange(40) / 40 * 4 * np.pi)) * 0.4
    positions = basis.neutral + np.einsum("tc,clk->tlk", faces, basis.expression)
    head = np.zeros((40, 478, 3), np.float32)
    for n in range(40):
        head[n, :468] = turned(positions[n], 10 * np.sin(n / 7)) * [1, -1, -1]
    return head, lip_curves(faces)[0]


def test_recovers_the_gap_under_roll_scale_and_shift() -> None:
    landmarks, truth = clip()
    gap, _ = gap_and_width(lip_displacement(landmarks))
    np.testing.assert_allclose(gap, truth, atol=0.01)


def test_frames_without_a_face_are_nan_and_do_not_disturb() -> None:
    landmarks, truth = clip()
    landmarks[5:8] = np.nan
    gap, _ = gap_and_width(lip_displacement(landmarks))
    assert np.isnan(gap[5:8]).all()
    np.testing.assert_allclose(np.delete(gap, [5, 6, 7]), np.delete(truth, [5, 6, 7]), atol=0.01)
