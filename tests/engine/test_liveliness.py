"""Liveliness: a pure function of time and seed, within what people do."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES
from engine.compositor import HEAD_LIMIT
from engine.liveliness import Liveliness
from engine.motion import ARKIT_INDEX

MINUTES = 2
_LEFT, _RIGHT = ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]


@pytest.fixture(scope="module")
def faces() -> NDArray[np.float32]:
    """Some minutes at 25 fps: ``[frames, 55]``, coefficients and head."""
    living = Liveliness(seed=3)
    motions = [living.motion(n * FRAME_SAMPLES) for n in range(MINUTES * 60 * 25)]
    return np.stack([np.concatenate([m.face, m.head]) for m in motions])


def test_any_moment_can_be_asked_for_in_any_order() -> None:
    moments = [0, 640, 16_000_000, 640, 0]
    motions = [Liveliness(seed=5).motion(pts) for pts in moments]
    for a, b in ((0, 4), (1, 3)):
        np.testing.assert_array_equal(motions[a].face, motions[b].face)
        np.testing.assert_array_equal(motions[a].head, motions[b].head)


def test_another_seed_is_another_rhythm(faces: NDArray[np.float32]) -> None:
    other = [Liveliness(seed=4).motion(n * FRAME_SAMPLES).face[_LEFT] for n in range(1500)]
    assert not np.allclose(faces[:1500, _LEFT], other)


def test_strength_nought_holds_still() -> None:
    still = Liveliness(strength=0)
    for n in range(500):
        motion = still.motion(n * FRAME_SAMPLES)
        assert not motion.face.any()
        assert not motion.head.any()


def test_strength_is_how_often_it_blinks() -> None:
    """0 never, 2 about twice as often; a blink itself is what it always is."""
    counts = []
    for strength in (0.0, 0.5, 1.0, 2.0):
        living = Liveliness(seed=3, strength=strength)
        lids = np.array([living.blink(n * 2 * FRAME_SAMPLES) for n in range(120 * 12)])
        counts.append(int(((lids[1:] > 0.5) & (lids[:-1] <= 0.5)).sum()))
        assert strength == 0 or lids.max() == 1
    none, few, some, many = counts
    assert none == 0
    assert 0.25 * some <= few <= 0.75 * some
    assert 1.5 * some <= many <= 2.5 * some


def test_blinks_as_often_and_as_fast_as_people(faces: NDArray[np.float32]) -> None:
    lid = faces[:, _LEFT]
    np.testing.assert_array_equal(lid, faces[:, _RIGHT])
    shut = lid > 0.5
    starts = np.flatnonzero(shut[1:] & ~shut[:-1])
    assert 12 * MINUTES <= len(starts) <= 22 * MINUTES
    lengths = [int(np.argmin(shut[k + 1 :])) for k in starts]
    assert max(lengths) <= 8, "no blink lasts longer than a third of a second"
    peaks = [lid[k : k + 8].max() for k in starts]
    assert np.mean(np.array(peaks) > 0.9) > 0.8, "blinks close the eye"
    assert shut.mean() < 0.1


def test_looks_at_the_viewer_most_of_the_time(faces: NDArray[np.float32]) -> None:
    looks = faces[:, [k for name, k in ARKIT_INDEX.items() if name.startswith("eyeLook")]]
    assert looks.max() <= 0.35
    assert np.mean(looks.max(1) < 0.12) > 0.6
    assert looks.max(1).std() > 0.01, "a stare"


def test_both_eyes_look_the_same_way(faces: NDArray[np.float32]) -> None:
    for a, b in (("OutLeft", "InRight"), ("InLeft", "OutRight"), ("UpLeft", "UpRight")):
        np.testing.assert_array_equal(
            faces[:, ARKIT_INDEX[f"eyeLook{a}"]], faces[:, ARKIT_INDEX[f"eyeLook{b}"]]
        )


def test_sways_gently(faces: NDArray[np.float32]) -> None:
    head = faces[:, 52:]
    assert np.abs(head).max() < HEAD_LIMIT / 2
    assert head.std(0).min() > np.radians(0.1)
    assert np.abs(np.diff(head, axis=0)).max() < np.radians(0.15), "a jump between two frames"


def test_leaves_the_mouth_to_speech(faces: NDArray[np.float32]) -> None:
    mouth = [k for name, k in ARKIT_INDEX.items() if name.startswith(("jaw", "mouth", "tongue"))]
    assert not faces[:, mouth].any()
