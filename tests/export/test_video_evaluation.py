"""An avatar measured against the video that it was filmed in."""

from __future__ import annotations

import numpy as np
import pytest

from engine.avatar import Avatar, builtin_avatars
from engine.motion import Motion
from export.video_evaluation import Evaluation, evaluate
from export.video_score import aligned
from tests import videos
from tests.export.conftest import Filmed

pytestmark = pytest.mark.export
FRAMES = range(8, 40, 3)


def measured(filmed: Filmed, motions: list[Motion]) -> Evaluation:
    avatar = Avatar.load(next(iter(builtin_avatars().values())))
    real = [aligned(filmed.frames[k], filmed.track.landmarks[k]) for k in FRAMES]
    return evaluate(avatar, motions, real)


def test_its_own_motion_fits_and_another_does_not(filmed: Filmed) -> None:
    own = measured(filmed, [videos.motion(k) for k in FRAMES])
    assert own.frames == len(FRAMES) == len(own.drawn)
    assert own.avatar.lmd < 1.2 < own.still.lmd
    assert own.avatar.gap_r > 0.97
    assert own.avatar.face > own.still.face + 2
    assert own.still.gap_r == 0
    wrong = measured(filmed, [videos.motion(k + 4) for k in FRAMES])
    assert wrong.avatar.lmd > 1.5 * own.avatar.lmd
    assert wrong.avatar.face < own.avatar.face - 1


def test_what_the_manifest_is_told(filmed: Filmed) -> None:
    own = measured(filmed, [videos.motion(k) for k in FRAMES])
    told = own.for_manifest()
    assert told["held_out_frames"] == len(FRAMES)
    assert told["avatar"] == own.avatar.rounded()
    assert np.isfinite(list(own.still.rounded().values())).all()
    assert f"LMD {own.avatar.lmd:.2f} px" in str(own)
