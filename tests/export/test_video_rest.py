"""The frame that becomes the photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from export.landmarks import lip_gap
from export.video_quality import Verdicts, judge
from export.video_rest import choose_rest
from tests.export.conftest import Filmed

pytestmark = pytest.mark.export


def test_lips_are_closed_and_eyes_open(filmed: Filmed) -> None:
    track = filmed.track
    rest = choose_rest(track, judge(track))
    gaps = lip_gap(track.landmarks)
    assert gaps[rest] <= np.quantile(gaps, 0.3)
    assert track.openings[rest] > 0.9 * np.median(track.openings)


def test_only_fit_frames_are_chosen(filmed: Filmed) -> None:
    best = choose_rest(filmed.track, judge(filmed.track))
    reason = np.full(75, -1)
    reason[max(0, best - 3) : best + 4] = 0
    other = choose_rest(filmed.track, Verdicts(reason))
    assert reason[other] < 0


def test_a_soft_or_blinking_frame_is_passed_over(filmed: Filmed) -> None:
    track = filmed.track
    best = choose_rest(track, judge(track))
    verdicts = Verdicts(np.full(75, -1))
    soft = track.sharpness.copy()
    soft[best] *= 0.3
    assert choose_rest(replace(track, sharpness=soft), verdicts) != best
    shut = track.landmarks.copy()
    for upper, lower in ((159, 145), (386, 374), (158, 153), (385, 380), (160, 144), (387, 373)):
        shut[best, upper] = shut[best, lower]
    assert choose_rest(replace(track, landmarks=shut), verdicts) != best


def test_a_mouth_that_never_closes_gives_its_narrowest(filmed: Filmed) -> None:
    track = filmed.track
    opened = track.landmarks.copy()
    opened[:, 14, 1] += 0.05 * track.heights.mean()
    rest = choose_rest(replace(track, landmarks=opened), judge(track))
    gaps = lip_gap(opened)
    assert gaps[rest] <= np.quantile(gaps, 0.11)
