"""Random motions: within range, repeatable, and nothing that a face can not do."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.motion import ARKIT, ARKIT_INDEX
from export.motions import sample_motions


@pytest.fixture(scope="module")
def faces() -> NDArray[np.float32]:
    return sample_motions(4000, np.random.default_rng(0))


def test_shape_and_range(faces: NDArray[np.float32]) -> None:
    assert faces.shape == (4000, 52)
    assert faces.dtype == np.float32
    assert faces.min() == 0
    assert faces.max() <= 1


def test_the_same_seed_gives_the_same_motions(faces: NDArray[np.float32]) -> None:
    again = sample_motions(4000, np.random.default_rng(0))
    np.testing.assert_array_equal(again, faces)


def test_every_shape_is_practised(faces: NDArray[np.float32]) -> None:
    seen = (faces > 0.05).mean(0)
    never = {name for name, share in zip(ARKIT, seen, strict=True) if share < 0.01}
    assert never == set()


def test_the_jaw_is_open_most_of_the_time_and_lips_seal_no_more_than_it(
    faces: NDArray[np.float32],
) -> None:
    jaw, close = faces[:, ARKIT_INDEX["jawOpen"]], faces[:, ARKIT_INDEX["mouthClose"]]
    assert 0.6 < (jaw > 0.01).mean() < 0.9
    assert (close <= jaw + 1e-6).all()


def test_eyes_look_one_way_at_a_time_and_both_the_same(faces: NDArray[np.float32]) -> None:
    def look(name: str) -> NDArray[np.float32]:
        return faces[:, ARKIT_INDEX[f"eyeLook{name}"]]

    assert not (look("InLeft") * look("OutLeft")).any()
    assert not (look("UpLeft") * look("DownLeft")).any()
    np.testing.assert_array_equal(look("InLeft"), look("OutRight"))
    np.testing.assert_array_equal(look("UpLeft"), look("UpRight"))


def test_faces_are_nearly_symmetric(faces: NDArray[np.float32]) -> None:
    left, right = (faces[:, ARKIT_INDEX[f"mouthSmile{side}"]] for side in ("Left", "Right"))
    assert np.corrcoef(left, right)[0, 1] > 0.97
    assert not np.array_equal(left, right)
