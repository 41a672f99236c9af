"""Which frames are learned from, and what is made of them."""

from __future__ import annotations

import numpy as np
import pytest

from export.align import frame_photo
from export.landmarks import INNER_LIP_LOWER, lip_gap
from export.rest import at_rest
from export.video_motion import Tracked, track_motion
from tests.export.conftest import Filmed

torch = pytest.importorskip("torch")

from export.video_frames import Scene, choose_frames, real_frames, seen_landmarks  # noqa: E402

pytestmark = pytest.mark.export
REST, SIZE = 3, 64
FRAMES = np.array([3, 9, 16, 26])  # closed, open, open, closed


@pytest.fixture(scope="module")
def scene(filmed: Filmed) -> Scene:
    framing = frame_photo(filmed.frames[REST], filmed.track.landmarks[REST], 256)
    return Scene(framing, at_rest(framing.image, framing.landmarks))


@pytest.fixture(scope="module")
def tracked(filmed: Filmed, scene: Scene) -> Tracked:
    return track_motion(filmed.track.landmarks[FRAMES], scene.rest)


def test_open_lips_are_taken_more_densely(filmed: Filmed) -> None:
    landmarks = filmed.track.landmarks
    chosen = choose_frames(landmarks, 30)
    assert 20 <= len(chosen) <= 30
    assert (np.diff(chosen) > 0).all()
    gaps = lip_gap(landmarks)
    assert gaps[chosen].mean() > 1.1 * gaps.mean()
    assert np.array_equal(choose_frames(landmarks[:5], 600), np.arange(5))


def test_units_bring_eyes_to_their_places(scene: Scene) -> None:
    right, left = (scene.unit(scene.rest[rows, :2].mean(0)) for rows in ([33, 133], [362, 263]))
    assert np.allclose(right, [0.353, 0.265], atol=0.01)
    assert np.allclose(left, [0.647, 0.265], atol=0.01)


def test_landmarks_go_where_they_were_seen(scene: Scene, tracked: Tracked) -> None:
    """A lower lip that hangs more than the model can explain."""
    k = 1
    posed = tracked.posed[k].copy()
    plain = seen_landmarks(scene, tracked.face[k], posed)
    lip = list(INNER_LIP_LOWER[3:-3])
    posed[lip, 1] += 4
    hanging = seen_landmarks(scene, tracked.face[k], posed)
    expected = 4 * scene.framing.matrix[1, 1] / np.hypot(*scene.puppet.matrix[:, 1])
    assert np.allclose((hanging - plain)[lip, 1], expected, rtol=0.05)
    untouched = np.setdiff1d(np.arange(468), lip)
    assert np.abs(hanging - plain)[untouched].max() < 0.02


def test_pictures_are_in_the_rest_pose_and_show_the_motion(
    filmed: Filmed, scene: Scene, tracked: Tracked
) -> None:
    landmarks = filmed.track.landmarks[FRAMES]
    real = real_frames([filmed.path], FRAMES, landmarks, tracked, scene, SIZE)
    assert real.pictures.shape == (4, 256, 256, 3)
    assert real.fields.shape == (4, 8, SIZE, SIZE)
    skin = scene.mask > 0.99
    skin[130:] = False  # the mouth moves
    off = np.abs(real.pictures.astype(int) - scene.photo)[:, skin].mean(1)
    assert off.max() < 9
    mouth = np.s_[:, 130:170, 95:160]
    moved = np.abs(real.pictures.astype(int) - scene.photo)[mouth].mean((1, 2, 3))
    gaps = lip_gap(landmarks)
    assert moved[np.argmax(gaps)] > 1.4 * moved[np.argmin(gaps)]
    cover = real.fields[:, 2].float().mean((1, 2))
    assert cover[1:3].min() > 5 * cover[[0, 3]].max()
    assert (real.weights > 0).all()
