"""Puppet frames on disk: rest first, the same again from the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.export.conftest import Face
from training.frames import split, write_frames
from training.portraits import RestPortrait

pytestmark = pytest.mark.export


def test_held_out_people_are_spread_and_stay_the_same() -> None:
    names = [f"{n:03}" for n in range(444)]
    train, held = split(names[::-1])
    assert held == names[5::11][:40]
    assert sorted(train + held) == names


def test_a_file_holds_what_training_reads(neutral: Face, tmp_path: Path) -> None:
    from export.puppet import Puppet

    portrait = RestPortrait.of(Puppet(neutral.image, neutral.landmarks))
    out = tmp_path / "new" / "someone.npz"
    write_frames(out, portrait, motions=2, seed=7)
    with np.load(out) as z:
        first = dict(z)
    assert first["photo"].shape == (128, 128, 3)
    assert first["landmarks"].shape == (468, 2)
    assert first["fields"].shape == (3, 8, 128, 128)
    assert not first["faces"][0].any()
    assert first["faces"][1:].any(1).all()
    assert np.abs(first["fields"][0, :2]).max() * 128 < 0.6, "a closed mouth rests where it is"
    write_frames(out, portrait, motions=2, seed=7)
    with np.load(out) as z:
        assert all(np.array_equal(z[k], first[k]) for k in first)
    assert [p.name for p in out.parent.iterdir()] == ["someone.npz"]
