"""The training loop: windows in, checkpoints, a log of numbers and a picture of the curves out."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.precision import quick_half
from training.speech.articulators import CONTROL_INDEX, articulate
from training.speech.dataset import UNKNOWN_PHONE, Batch, Windows, collate
from training.speech.geometry import LipGeometry, correlation, gap, width
from training.speech.network import Answer, SpeechNetwork, SpeechNetworkConfig

__all__ = [
    "Mix",
    "TrainingPlan",
    "draw_curves",
    "losses",
    "new_network",
    "rate_at",
    "set_normalisation",
    "train",
]

log = logging.getLogger(__name__)

_SPREAD = 0.05  # canthus distances: how far lips usually part or widen; errors are measured in it
_TOUCHING = 9.0
_EASY_JAW = 0.45  # behind closed lips only effort says how far a jaw opens
_MOVING = 0.004  # canthus distances: lips whose gap or width varies less say nothing of shape
_CLOSED = 0.02  # lips nearer than this are meant to touch


@dataclasses.dataclass(frozen=True)
class TrainingPlan:
    """How long and how fast: the rate rises for ``warm_up`` steps, then falls as a cosine.

    memory: share of the running average of the weights that each step keeps.
    """

    steps: int = 2600
    rate: float = 2e-3
    warm_up: int = 100
    checkpoint_every: int = 200
    memory: float = 0.998
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Mix:
    """Sources of windows, each with how many of a batch come from it."""

    sources: tuple[tuple[Windows, int], ...]
    silent: int

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Endless batches."""
        streams = [(windows.draw(rng), count) for windows, count in self.sources]
        streams.append((self.sources[0][0].silence(rng), self.silent))
        while True:
            yield collate([next(stream) for stream, count in streams for _ in range(count)])


def losses(answer: Answer, batch: Batch, geometry: LipGeometry) -> dict[str, Tensor]:
    """Terms of the loss; add them up.

    Lips are compared where they are, for aligned and tracked speech alike. Where the target's lips
    touch the error counts tenfold: viewers forgive a vowel of another size, not an open /p/. Their
    shape over time is compared as well, since squared errors alone make a doubtful mouth lazy.
    """
    controls = answer.controls
    ours = geometry(articulate(controls))
    taught = geometry(articulate(batch.controls))
    tracked = batch.tracked[..., None, None]
    real = tracked * batch.displacement + (1 - tracked) * taught
    known = torch.maximum(batch.aligned, batch.tracked)
    touching = (gap(real) < _CLOSED).float() * batch.voice
    weight = known * (1 + _TOUCHING * touching)
    weight = weight / weight.sum().clamp(min=1)
    gaps = (gap(ours) - gap(real)) / _SPREAD
    widths = (width(ours) - width(real)) / _SPREAD
    points = (ours - real).norm(dim=-1).mean(dim=-1) / _SPREAD
    step = 4  # one video frame
    speed = (gaps[:, step:] - gaps[:, :-step]).abs()
    strain = torch.relu(controls[..., CONTROL_INDEX["jawOpen"]] - _EASY_JAW)
    aligned = batch.aligned / batch.aligned.sum().clamp(min=1)
    return {
        "points": (weight * points).sum(),
        "gap": (weight * gaps**2).sum(),
        "width": (weight * widths**2).sum(),
        "shape": 0.6
        * (_shape(gap(ours), gap(real), known) + _shape(width(ours), width(real), known)),
        "speed": 0.3 * (weight[:, step:] * speed).sum(),
        "controls": 4.0 * (aligned[..., None] * (controls - batch.controls) ** 2).mean(-1).sum(),
        "voice": 0.5 * nn.functional.binary_cross_entropy_with_logits(answer.voice, batch.voice),
        "phones": 0.3
        * nn.functional.cross_entropy(
            answer.phones.flatten(0, 1), batch.phones.flatten(), ignore_index=UNKNOWN_PHONE
        ),
        "effort": 0.05 * (known[..., None] * controls).mean() + 5.0 * (strain**2).mean(),
    }


def _shape(ours: Tensor, real: Tensor, known: Tensor) -> Tensor:
    """One less the correlation ``[B, T]``, mean over the windows whose lips do move."""
    mean = (known * real).sum(dim=1, keepdim=True) / known.sum(dim=1, keepdim=True).clamp(min=1)
    moves = ((known * (real - mean) ** 2).mean(dim=1).sqrt() > _MOVING).float()
    lost = 1 - correlation(ours, real, known)
    return (moves * lost).sum() / moves.sum().clamp(min=1)


def train(
    network: SpeechNetwork,
    prepare_mix: Callable[[], Mix],
    plan: TrainingPlan,
    folder: Path,
    validate: Callable[[SpeechNetwork], dict[str, float]],
) -> SpeechNetwork:
    """Train to the end of the plan; goes on from ``folder/checkpoint.pt`` where there is one.

    Appends a line of JSON to ``folder/log.jsonl`` at each checkpoint and redraws
    ``folder/curves.png``. Validates and returns the running average of the weights (Polyak &
    Juditsky 1992), which is steadier than those of any single step. ``prepare_mix`` is called if
    there is anything left to do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    geometry = LipGeometry()
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda n: rate_at(n, plan))
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(plan.memory))
    checkpoint, done = folder / "checkpoint.pt", 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(saved["network"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        done = int(saved["steps"])
        log.info("going on from step %d", done)
    if done >= plan.steps:
        return average.module
    batches = prepare_mix().batches(np.random.default_rng(plan.seed + done))
    if done == 0:
        set_normalisation(network, [next(batches).columns for _ in range(4)])
    sums: dict[str, float] = {}
    for step in range(done + 1, plan.steps + 1):
        batch = next(batches)
        with quick_half():
            answer = network(batch.columns)
        terms = losses(answer, batch, geometry)
        loss = torch.stack(list(terms.values())).sum()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        average.update_parameters(network)
        for name, term in terms.items():
            sums[name] = sums.get(name, 0.0) + term.item() / plan.checkpoint_every
        if step % plan.checkpoint_every == 0 or step == plan.steps:
            numbers = {"step": step, **sums, **validate(average.module)}
            log.info(" ".join(f"{k} {v:.3f}" for k, v in numbers.items()))
            with (folder / "log.jsonl").open("a") as out:
                out.write(json.dumps(numbers) + "\n")
            _save(checkpoint, network, average, optimiser, schedule, step)
            draw_curves(folder)
            sums = {}
    return average.module


def draw_curves(folder: Path) -> None:
    """``folder/log.jsonl`` as ``folder/curves.png``: the loss's terms and the validation."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    figure, axes = plt.subplots(1, 2, figsize=(11, 4))
    for name in (k for k in lines[-1] if k != "step"):
        axis = axes[1] if " " in name else axes[0]
        axis.plot([e["step"] for e in lines], [e.get(name, np.nan) for e in lines], label=name)
    for axis, title in zip(axes, ("loss", "validation"), strict=True):
        axis.set_xlabel("step")
        axis.set_title(title)
        axis.legend(fontsize=7)
    axes[0].set_yscale("log")
    figure.tight_layout()
    figure.savefig(folder / "curves.png", dpi=90)
    plt.close(figure)


def rate_at(step: int, plan: TrainingPlan) -> float:
    """The learning rate of a step as a share of ``plan.rate``."""
    if step < plan.warm_up:
        return (step + 1) / plan.warm_up
    progress = (step - plan.warm_up) / max(1, plan.steps - plan.warm_up)
    return 0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * min(1.0, progress))))


def set_normalisation(network: SpeechNetwork, columns: list[Tensor]) -> None:
    """Set the network's mean and deviation of the columns from the first batches."""
    seen = torch.cat([c.flatten(0, 1) for c in columns])
    network.mean.copy_(seen.mean(dim=0))
    network.deviation.copy_(seen.std(dim=0))


def _save(
    path: Path,
    network: SpeechNetwork,
    average: AveragedModel,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
    steps: int,
) -> None:
    beside = path.with_suffix(".part")
    torch.save(
        {
            "config": dataclasses.asdict(network.config),
            "network": network.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "schedule": schedule.state_dict(),
            "steps": steps,
        },
        beside,
    )
    beside.replace(path)


def new_network(look_ahead_hops: int, seed: int = 0) -> SpeechNetwork:
    """A network with random weights, the same for the same seed."""
    torch.manual_seed(seed)
    return SpeechNetwork(SpeechNetworkConfig(look_ahead_hops=look_ahead_hops))
