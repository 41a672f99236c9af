"""Dominance functions: targets are held, neighbours blend, lips meet; and a fit finds the truth."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.speech.articulators import CONTROL_INDEX, articulate  # noqa: E402
from training.speech.coarticulation import (  # noqa: E402
    Coarticulation,
    FitClip,
    fit_coarticulation,
)
from training.speech.geometry import LipGeometry, gap  # noqa: E402
from training.speech.phones import Phone  # noqa: E402
from training.speech.visemes import VISEME_INDEX  # noqa: E402

pytestmark = pytest.mark.export

JAW, CLOSURE = CONTROL_INDEX["jawOpen"], CONTROL_INDEX["closure"]
WORDS = (
    Phone("SIL", 0.0, 0.5),
    Phone("AA", 0.5, 0.9),
    Phone("P", 0.9, 0.94),
    Phone("AA", 0.94, 1.3),
    Phone("SIL", 1.3, 2.0),
)


@torch.no_grad()
def curve(phones: tuple[Phone, ...] = WORDS, hops: int = 200) -> torch.Tensor:
    return Coarticulation()(phones, torch.arange(hops) / 100)


def test_rest_is_zero_far_from_speech() -> None:
    controls = curve()
    assert controls[:10].abs().max() < 0.01
    assert controls[-10:].abs().max() < 0.01


def test_a_long_vowel_reaches_its_target() -> None:
    target = Coarticulation().targets()[VISEME_INDEX["AA"], JAW]
    assert abs(curve()[70, JAW] - target) < 0.05


def test_lips_meet_even_in_40_ms_between_open_vowels() -> None:
    lips = gap(LipGeometry()(articulate(curve())))
    assert lips[91:93].max() <= 0.02
    assert lips[80] > 0.06
    assert lips[105] > 0.06


def test_vowels_take_colour_from_their_neighbours() -> None:
    alone = curve((Phone("SIL", 0, 0.5), Phone("T", 0.5, 0.6), Phone("SIL", 0.6, 1.2)))
    beside = curve((Phone("SIL", 0, 0.5), Phone("T", 0.5, 0.6), Phone("UW", 0.6, 1.2)))
    pucker = CONTROL_INDEX["mouthPucker"]
    assert beside[55, pucker] > alone[55, pucker] + 0.1


def test_controls_stay_in_range_and_nothing_jumps() -> None:
    controls = curve()
    assert controls.min() >= 0
    assert controls.max() <= 1
    others = [i for i in range(controls.shape[1]) if i != CLOSURE]
    assert controls[1:, others].sub(controls[:-1, others]).abs().max() < 0.15


def test_the_fit_finds_offsets_and_an_amplitude() -> None:
    """Lips of a mouth that opens less, in two recordings of different delay."""
    truth = Coarticulation()
    with torch.no_grad():
        truth.target_logit[VISEME_INDEX["AA"], JAW] = torch.logit(torch.tensor(0.25))
        times = np.arange(50, dtype=np.float32) / 25
        lips = LipGeometry()(articulate(truth(WORDS, torch.from_numpy(times) - 0.04)))
    groups = [
        [FitClip(WORDS, times, lips.numpy(), "late", offset=-0.02)],
        [FitClip(WORDS, times + np.float32(0.06), lips.numpy(), "early", offset=-0.09)],
    ]
    fitted, offsets = fit_coarticulation(groups, steps=80)
    assert offsets["late"] == pytest.approx(-0.04, abs=0.015)
    assert offsets["early"] == pytest.approx(-0.10, abs=0.015)
    jaw = fitted.targets()[VISEME_INDEX["AA"], JAW].item()
    assert jaw < 0.36
