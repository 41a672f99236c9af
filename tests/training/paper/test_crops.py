"""Crops survive the file, and no held-out clip reaches the generator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.paper.crops import Crops, read_crops

pytestmark = pytest.mark.export


def test_what_is_written_is_read(corpus: Crops, crops_file: Path) -> None:
    again = read_crops(crops_file)
    assert [(c.key, c.held_out, c.rest) for c in again.clips] == [
        (c.key, c.held_out, c.rest) for c in corpus.clips
    ]
    for a, b in zip(corpus.clips, again.clips, strict=True):
        assert np.mean((a.pictures.astype(float) - b.pictures) ** 2) < 30  # 33 dB
        np.testing.assert_allclose(a.sound, b.sound, atol=3e-3)
        np.testing.assert_allclose(a.motion, b.motion, atol=1e-3)
        np.testing.assert_allclose(a.spoken, b.spoken, atol=1e-3)
    assert again.faces.shape == corpus.faces.shape


def test_held_out_clips_and_strangers_do_not_train_the_generator(corpus: Crops) -> None:
    pictures, owner = corpus.generator_pictures()
    assert len(pictures) == 2 * 30 + 6
    assert sorted(set(owner)) == [-1, 0, 1]
    held = {p.tobytes() for c in corpus.clips if c.held_out for p in c.pictures}
    assert not held & {p.tobytes() for p in pictures}
