"""The loss asks for the right lips, and a short training learns, stops and goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.speech.articulators import CONTROL_INDEX, articulate  # noqa: E402
from training.speech.augmentation import Surroundings  # noqa: E402
from training.speech.dataset import Batch, Example, Windows  # noqa: E402
from training.speech.geometry import LipGeometry  # noqa: E402
from training.speech.network import Answer, SpeechNetwork, SpeechNetworkConfig  # noqa: E402
from training.speech.spectra import columns_of, level_of  # noqa: E402
from training.speech.train import Mix, TrainingPlan, losses, train  # noqa: E402

pytestmark = pytest.mark.export


def batch(jaw: float, *, tracked: bool) -> Batch:
    controls = torch.zeros(1, 20, 16)
    controls[..., CONTROL_INDEX["jawOpen"]] = jaw
    lips = LipGeometry()(articulate(controls))
    on, off = torch.ones(1, 20), torch.zeros(1, 20)
    return Batch(
        columns=torch.zeros(1, 20, 80),
        voice=on,
        phones=torch.zeros(1, 20, dtype=torch.int64),
        controls=off[..., None].expand(1, 20, 16) if tracked else controls,
        aligned=off if tracked else on,
        displacement=lips if tracked else torch.zeros_like(lips),
        tracked=on if tracked else off,
    )


def answer(controls: torch.Tensor) -> Answer:
    hops = controls.shape[1]
    return Answer(controls, torch.zeros(1, hops), torch.zeros(1, hops, 40))


def total(jaw: float, target: Batch, *names: str) -> float:
    controls = torch.zeros(1, 20, 16)
    controls[..., CONTROL_INDEX["jawOpen"]] = jaw
    terms = losses(answer(controls), target, LipGeometry())
    return sum(terms[n].item() for n in names)


@pytest.mark.parametrize("tracked", [False, True])
def test_the_right_jaw_has_the_least_loss(tracked: bool) -> None:
    target = batch(0.3, tracked=tracked)
    names = ("points", "gap", "width", "speed")
    assert total(0.3, target, *names) == pytest.approx(0, abs=1e-5)
    assert total(0.2, target, *names) > 0.01
    assert total(0.4, target, *names) > 0.01


def test_unknown_frames_cost_nothing() -> None:
    target = batch(0.3, tracked=True)
    nothing = Batch(**{**vars(target), "tracked": torch.zeros(1, 20)})
    assert total(0.0, nothing, "points", "gap", "width", "speed", "controls") == 0


def test_an_open_bilabial_costs_more_than_a_wrong_vowel() -> None:
    closed, vowel = batch(0.0, tracked=False), batch(0.3, tracked=False)
    half = Batch(**{
        k: torch.cat([getattr(closed, k), getattr(vowel, k)], dim=1) for k in vars(closed)
    })  # fmt: skip

    def cost(first: float, second: float) -> float:
        controls = torch.zeros(1, 40, 16)
        controls[:, :20, CONTROL_INDEX["jawOpen"]] = first
        controls[:, 20:, CONTROL_INDEX["jawOpen"]] = second
        return losses(answer(controls), half, LipGeometry())["gap"].item()

    assert cost(0.1, 0.3) > 3 * cost(0.0, 0.2)


def test_lips_of_another_shape_cost_more_than_smaller_ones() -> None:
    """Half the motion in time is a better mouth than all of it at the wrong time."""
    jaw = 0.2 + 0.15 * torch.sin(torch.arange(60) / 4)

    def made(curve: torch.Tensor) -> torch.Tensor:
        controls = torch.zeros(1, 60, 16)
        controls[0, :, CONTROL_INDEX["jawOpen"]] = curve
        return controls

    target = Batch(
        columns=torch.zeros(1, 60, 80),
        voice=torch.ones(1, 60),
        phones=torch.zeros(1, 60, dtype=torch.int64),
        controls=made(jaw),
        aligned=torch.ones(1, 60),
        displacement=torch.zeros(1, 60, 40, 2),
        tracked=torch.zeros(1, 60),
    )
    smaller = losses(answer(made(0.2 + 0.5 * (jaw - 0.2))), target, LipGeometry())["shape"]
    other = losses(answer(made(jaw.roll(12))), target, LipGeometry())["shape"]
    assert smaller.item() == pytest.approx(0, abs=1e-3)
    assert other.item() > 0.5


def test_trains_keeps_its_place_and_goes_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    loud = np.repeat(rng.random(40) > 0.5, 10).astype(np.float32)
    sound = (np.repeat(loud, 160) * rng.standard_normal(64000) * 0.1).astype(np.float32)
    controls = np.zeros((400, 16), np.float32)
    controls[:, CONTROL_INDEX["jawOpen"]] = 0.4 * loud
    heard = columns_of(sound)
    labels = loud[:400].astype(np.int8)
    example = Example(
        heard.astype(np.float16),
        np.ones(400, np.float32),
        labels,
        controls=controls,
        level=level_of(heard),
    )
    surroundings = Surroundings([sound], pieces=8)
    mix = Mix(((Windows([example], surroundings, 2, hops=64), 4),), silent=1)

    def run(steps: int) -> SpeechNetwork:
        torch.manual_seed(0)
        network = SpeechNetwork(SpeechNetworkConfig(units=16, layers=1))
        plan = TrainingPlan(steps=steps, warm_up=2, rate=0.01, checkpoint_every=10)
        return train(network, lambda: mix, plan, tmp_path, lambda _: {"x gap": 0.0})

    run(20)
    run(40)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [10, 20, 30, 40]
    assert log[-1]["gap"] < log[0]["gap"]
    assert log[-1]["phones"] < log[0]["phones"]
    assert (tmp_path / "curves.png").stat().st_size > 1000
