"""Whose face it is in a video, found once and followed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import BadPhoto
from export.align import eye_centres
from export.video_tracking import similarity, track_video
from tests import videos
from tests.export.conftest import Filmed

pytestmark = pytest.mark.export


def crowd(frames: list[NDArray[np.uint8]], scale: float) -> Iterator[NDArray[np.uint8]]:
    """Everyone beside a mirrored second self of another size."""
    for frame in frames:
        small = cv2.resize(frame[:, ::-1], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        side = np.full((frame.shape[0], 288, 3), 120, np.uint8)
        side[-small.shape[0] :, : small.shape[1]] = small
        yield np.hstack([frame, side])


def test_a_face_is_found_in_every_frame(filmed: Filmed) -> None:
    track = filmed.track
    assert track.found.all()
    assert track.landmarks.shape == (75, 478, 3)
    assert np.ptp(track.heights) < 0.25 * track.heights.mean()
    blinking = track.openings < 0.6 * np.median(track.openings)
    assert set(np.flatnonzero(blinking)) <= set(range(17, 26)) | set(range(57, 66))
    assert blinking.any()


def test_rotations_follow_the_head(filmed: Filmed) -> None:
    """Its yaw; pitch is too small here to be told from the jaw."""
    asked = [videos.motion(k).head[1] for k in range(75)]
    assert np.corrcoef(filmed.track.rotations()[:, 1], asked)[0, 1] > 0.8


def test_glimpses_are_aligned_and_a_blurred_one_is_softer(filmed: Filmed, tmp_path: Path) -> None:
    blurred = (cv2.GaussianBlur(f, (0, 0), 3) for f in filmed.frames[:4])
    soft = track_video([videos.write(tmp_path / "a.mp4", blurred)])
    assert soft.sharpness.max() < 0.3 * filmed.track.sharpness.min()
    difference = np.abs(np.diff(filmed.track.glimpses.astype(int), axis=0)).mean()
    assert difference < 6


def test_frames_without_a_face_are_told_apart(filmed: Filmed, tmp_path: Path) -> None:
    frames = [f if k < 6 else np.full_like(f, 90) for k, f in enumerate(filmed.frames[:9])]
    track = track_video([videos.write(tmp_path / "a.mp4", iter(frames))])
    assert track.found.tolist() == [True] * 6 + [False] * 3
    assert np.isnan(track.landmarks[6:]).all()


def test_of_two_people_of_equal_size_none_is_chosen(filmed: Filmed, tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", crowd(filmed.frames[:8], 1.0))
    with pytest.raises(BadPhoto, match=r"two people .* expected one"):
        track_video([path])


def test_of_two_the_larger_one_is_followed(filmed: Filmed, tmp_path: Path) -> None:
    notes: list[str] = []
    path = videos.write(tmp_path / "a.mp4", crowd(filmed.frames[:8], 0.6))
    track = track_video([path], note=notes.append)
    assert track.landmarks[:, :, 0].max() < 288
    assert any("second face" in note for note in notes)


def test_a_landscape_is_refused(tmp_path: Path) -> None:
    grey = (np.full((96, 96, 3), 40 * k, np.uint8) for k in range(4))
    with pytest.raises(BadPhoto, match=r"no face .* expected"):
        track_video([videos.write(tmp_path / "a.mp4", grey)])


def test_a_similarity_brings_eyes_to_eyes(filmed: Filmed) -> None:
    wanted = np.array([[10.0, 40.0], [30.0, 20.0]])
    matrix = similarity(eye_centres(filmed.track.landmarks[3]), wanted)
    moved = eye_centres(filmed.track.landmarks[3]) @ matrix[:, :2].T + matrix[:, 2]
    assert np.allclose(moved, wanted)
