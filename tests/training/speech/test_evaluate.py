"""Guards the shipped model on speakers that it was never trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pocketsphinx")

from engine.speech import SpeechModel
from training.speech.evaluate import ClipFigures, clip_figures, systems
from training.speech.real import strangers
from training.speech.tracking import Track

pytestmark = [pytest.mark.data, pytest.mark.export]


@pytest.fixture(scope="module")
def tracks(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Track]:
    return strangers(data, tmp_path_factory.mktemp("tracks"))


@pytest.fixture(scope="module")
def figures(tracks: list[Track]) -> dict[str, list[ClipFigures]]:
    named = systems(SpeechModel.load())
    return {name: [clip_figures(t, system) for t in tracks] for name, system in named.items()}


def test_strangers_are_the_four_x_clips(tracks: list[Track]) -> None:
    assert [t.key for t in tracks] == ["x_brbk7n", "x_lrwp9a", "x_lwbsza", "x_swiz3n"]
    assert all(t.seen.mean() > 0.8 for t in tracks)
    assert all(abs(len(t.sound) / 16000 - 3) < 0.1 for t in tracks)


def mean(figures: list[ClipFigures], name: str) -> float:
    return float(np.nanmean([getattr(f, name) for f in figures]))


def test_beats_a_loudness_jaw_and_shuffled_sound(figures: dict[str, list[ClipFigures]]) -> None:
    assert mean(figures["model"], "gap") > 0.45
    assert mean(figures["model"], "gap") > mean(figures["loudness jaw"], "gap") + 0.08
    assert mean(figures["model"], "gap") > mean(figures["shuffled sound"], "gap") + 0.25
    assert mean(figures["model"], "lip_error") < mean(figures["loudness jaw"], "lip_error")


def test_is_closed_where_nobody_speaks(figures: dict[str, list[ClipFigures]]) -> None:
    assert mean(figures["model"], "closed") >= 0.99


def test_is_in_time(figures: dict[str, list[ClipFigures]]) -> None:
    assert float(np.median([abs(f.lag) for f in figures["model"]])) <= 1


def test_real_lips_against_themselves_are_perfect(tracks: list[Track]) -> None:
    """The yardstick itself: a system that returned the truth would score 1 and error 0."""
    import torch

    from training.speech.articulators import CONTROLS, articulate, spread_matrix
    from training.speech.geometry import LipGeometry

    controls = 0.5 * torch.rand(300, len(CONTROLS), generator=torch.Generator().manual_seed(0))
    faces = articulate(controls).numpy() @ spread_matrix()
    times = np.arange(70, dtype=np.float32) / 25
    rows = np.round(times * 100).astype(int)
    lips = LipGeometry()(articulate(controls)).numpy()[rows]
    made = Track("made", times, lips, tracks[0].sound)
    found = clip_figures(made, lambda _: faces)
    assert found.gap == pytest.approx(1.0, abs=1e-4)
    assert found.width == pytest.approx(1.0, abs=1e-4)
    assert found.lip_error == pytest.approx(0.0, abs=1e-4)
    assert found.jitter == pytest.approx(1.0, abs=1e-3)
    assert found.lag == 0
    assert found.spread == pytest.approx(1.0, abs=1e-3)
