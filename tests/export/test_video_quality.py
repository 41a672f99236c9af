"""Why a frame is dropped."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from engine.errors import BadPhoto
from export.video_quality import REASONS, judge
from export.video_tracking import Track
from tests.export.conftest import Filmed

pytestmark = pytest.mark.export


def with_landmarks(track: Track, frames: slice, change: np.ndarray) -> Track:
    landmarks = track.landmarks.copy()
    landmarks[frames] = change
    return replace(track, landmarks=landmarks)


def reasons(track: Track) -> list[str]:
    return ["" if k < 0 else REASONS[k] for k in judge(track).reason]


def test_a_good_video_loses_nothing(filmed: Filmed) -> None:
    verdicts = judge(filmed.track)
    assert verdicts.fit.all()
    assert verdicts.counts() == {}
    assert str(verdicts) == "75 of 75 frames are fit"


def test_a_missing_face(filmed: Filmed) -> None:
    found = reasons(with_landmarks(filmed.track, np.s_[10:12], np.nan))
    assert [k for k, why in enumerate(found) if why == "no face"] == [10, 11]
    assert set(found) == {"", "no face"}


def test_a_face_far_away(filmed: Filmed) -> None:
    centre = filmed.track.landmarks[30:34].mean(1, keepdims=True)
    small = centre + 0.5 * (filmed.track.landmarks[30:34] - centre)
    assert reasons(with_landmarks(filmed.track, np.s_[30:34], small))[30:34] == ["too small"] * 4


@pytest.mark.parametrize("degrees", [-14, 14])
def test_a_head_turned_away(filmed: Filmed, degrees: float) -> None:
    turn = Rotation.from_euler("y", degrees, degrees=True).as_matrix()
    points = filmed.track.landmarks[40:44]
    turned = (points - points.mean(1, keepdims=True)) @ turn.T + points.mean(1, keepdims=True)
    found = reasons(with_landmarks(filmed.track, np.s_[40:44], turned.astype(np.float32)))
    assert found[40:44] == ["head turned"] * 4
    assert "head turned" not in found[:40] + found[44:]


def test_a_tilted_head_is_no_matter(filmed: Filmed) -> None:
    """Frames are aligned by the eyes; the whole video may lean."""
    turn = Rotation.from_euler("z", 12, degrees=True).as_matrix()
    leaning = replace(filmed.track, landmarks=(filmed.track.landmarks @ turn.T).astype(np.float32))
    assert judge(leaning).fit.all()


def test_motion_blur(filmed: Filmed) -> None:
    sharpness = filmed.track.sharpness.copy()
    sharpness[50:53] *= 0.2
    assert reasons(replace(filmed.track, sharpness=sharpness))[50:53] == ["blurred"] * 3


def test_a_hand_before_the_mouth(filmed: Filmed) -> None:
    glimpses = filmed.track.glimpses.copy()
    hand = np.median(glimpses[:, 34:38, 24:40], axis=(0, 1, 2)) * 0.8
    for glimpse in glimpses[60:65]:
        cv2.ellipse(glimpse, (30, 52), (14, 9), 20, 0, 360, hand.tolist(), -1)
    found = reasons(replace(filmed.track, glimpses=glimpses))
    assert found[60:65] == ["covered"] * 5
    assert "covered" not in found[:60] + found[65:]


def test_light_that_changes_covers_nothing(filmed: Filmed) -> None:
    fading = np.linspace(0.7, 1.0, 75)[:, None, None, None]
    dimmed = replace(filmed.track, glimpses=(filmed.track.glimpses * fading).astype(np.uint8))
    assert judge(dimmed).fit.all()


def test_landmarks_that_jump(filmed: Filmed) -> None:
    torn = filmed.track.landmarks[20].copy()
    torn[:234, 0] += 0.3 * filmed.track.heights[20]
    assert reasons(with_landmarks(filmed.track, np.s_[20:21], torn))[20] == "landmarks jump"


def test_too_little_that_is_fit_is_refused_with_the_reasons(filmed: Filmed) -> None:
    blind = with_landmarks(filmed.track, np.s_[:40], np.nan)
    with pytest.raises(BadPhoto, match=r"35 of 75 frames are fit \(dropped: 40 no face\)"):
        judge(blind)


def test_a_small_face_is_refused(filmed: Filmed) -> None:
    with pytest.raises(BadPhoto, match="film closer"):
        judge(replace(filmed.track, landmarks=filmed.track.landmarks * np.float32(0.5)))
