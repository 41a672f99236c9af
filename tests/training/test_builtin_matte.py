"""The key recovers soft coverage before a blue backdrop, and no blue is left on the new one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from training.builtin import matte

BLUE = np.array([0.30, 0.42, 0.85], np.float32)
HAIR = np.array([0.22, 0.15, 0.10], np.float32)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    """A disc of hair with a soft rim: the picture, and its true coverage."""
    axis = np.arange(256) + 0.5
    x, y = np.meshgrid(axis, axis)
    radius = np.hypot(x - 128, y - 128)
    alpha = np.clip((74 - radius) / 8 + 0.5, 0, 1).astype(np.float32)
    picture = alpha[..., None] * HAIR + (1 - alpha[..., None]) * BLUE
    rough = cv2.GaussianBlur((radius < 74).astype(np.float32), (0, 0), 2)
    monkeypatch.setattr(matte, "_segment", lambda _: rough)
    return picture, alpha


def test_coverage_along_the_rim(scene: tuple[np.ndarray, np.ndarray]) -> None:
    picture, alpha = scene
    found = matte.cut_out(picture).alpha
    rim = (alpha > 0.05) & (alpha < 0.95)
    assert np.abs(found - alpha)[rim].mean() < 0.08
    assert found[128, 128] == pytest.approx(1)
    assert found[5, 5] == pytest.approx(0)


def test_no_blue_is_left(scene: tuple[np.ndarray, np.ndarray]) -> None:
    picture, _ = scene
    paper = matte.backdrop(256, (170, 165, 160))
    out = matte.replace_backdrop(picture, matte.cut_out(picture), paper)
    assert (out[..., 2] - out[..., 0]).max() < 0.03
    assert (picture[..., 2] - picture[..., 0]).max() > 0.5
    np.testing.assert_allclose(out[128, 128], HAIR, atol=0.03)
    np.testing.assert_allclose(out[3, 3], paper[3, 3], atol=0.01)


def test_spill_leaves_skin_alone_and_turns_lilac_to_grey() -> None:
    colours = np.array([[[0.80, 0.60, 0.50], [0.45, 0.30, 0.22], [0.70, 0.68, 0.90]]], np.float32)
    clean = matte.without_spill(colours)
    np.testing.assert_allclose(clean[0, :2], colours[0, :2])
    assert np.ptp(clean[0, 2]) < 0.03


def test_a_wisp_is_cleared_to_paper(scene: tuple[np.ndarray, np.ndarray]) -> None:
    found = matte.cleared(matte.cut_out(scene[0]), [(0.5, 0.5, 0.1)]).alpha
    assert found[128, 128] < 0.01
    assert found[128, 170] == pytest.approx(1, abs=0.01)
