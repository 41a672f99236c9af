"""``python -m training.speech.look_ahead``: what hearing later sound is worth.

One network with a head for each look-ahead, trained once, so that every look-ahead has the same
trunk, data and budget. The speakers that it is judged by are kept out of the training.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.precision import quick_half
from training.speech.articulators import CONTROLS, articulate
from training.speech.calibration import Spoken
from training.speech.coarticulation import Coarticulation
from training.speech.corpus import Utterance, load_utterances
from training.speech.dataset import Batch
from training.speech.geometry import LipGeometry, gap, width
from training.speech.material import Material, prepare
from training.speech.measure import correlation
from training.speech.network import Answer, SpeechNetwork, SpeechNetworkConfig
from training.speech.phones import ARPABET
from training.speech.spectra import columns_of
from training.speech.train import TrainingPlan, losses, rate_at, set_normalisation

__all__ = ["LOOK_AHEADS", "ManyHeads", "earlier", "main"]

log = logging.getLogger("training.speech.look_ahead")

LOOK_AHEADS = (0, 2, 4, 8, 16)  # hops of 10 ms
_LONGEST = max(LOOK_AHEADS)
_UTTERANCES = 60  # held out, to judge by the coarticulation model


class ManyHeads(nn.Module):
    """The trunk of a speech network with the answers of several look-aheads."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = SpeechNetwork(SpeechNetworkConfig(look_ahead_hops=_LONGEST))
        units = self.trunk.config.units
        self.heads = nn.ModuleList(
            nn.Linear(units, len(CONTROLS) + 1 + len(ARPABET)) for _ in LOOK_AHEADS
        )
        for head in self.heads:
            nn.init.constant_(head.bias[: len(CONTROLS)], -3.0)

    def forward(self, columns: Tensor) -> list[Answer]:
        """Columns ``[B, T, 80]`` to an answer for each look-ahead, row n said at column n."""
        features = self.trunk.features(columns)
        answers = []
        for head in self.heads:
            controls, voice, phones = (
                head(features).float().split([len(CONTROLS), 1, len(ARPABET)], dim=-1)
            )
            answers.append(Answer(torch.sigmoid(controls), voice[..., 0], phones))
        return answers


def earlier(answer: Answer, batch: Batch, look_ahead: int) -> tuple[Answer, Batch]:
    """The answer of a look-ahead beside targets that are ``_LONGEST`` hops old.

    Row k of the targets belongs to what was said at column ``k - (_LONGEST - look_ahead)``.
    """
    by = _LONGEST - look_ahead
    said = Answer(**{k: v[:, : v.shape[1] - by] for k, v in vars(answer).items()})
    return said, Batch(**{k: v[:, by:] for k, v in vars(batch).items()})


def main() -> None:
    """Train, and print the table for each way to keep speakers out."""
    parser = argparse.ArgumentParser(prog="training.speech.look_ahead", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--runs", type=Path, default=Path("runs/speech"))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--without", choices=("s1", "addresses"), default="addresses")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    material = prepare(options.data, options.runs, 0, options.without)
    network = _train(material, TrainingPlan(steps=options.steps, warm_up=50)).eval()
    utterances = load_utterances(options.runs / "utterances", for_training=False)
    aligned = utterances[:: max(1, len(utterances) // _UTTERANCES)]
    log.info(
        "| look-ahead | gap, width of %s | of s1 | gap, width asked for by phones |",
        options.without,
    )
    for n, hops in enumerate(LOOK_AHEADS):
        cells = [
            _real(network, n, material.held[options.without]),
            _real(network, n, material.held["s1"]),
        ]
        cells.append(_asked(network, n, aligned, material.model))
        log.info("| %d ms | %s |", 10 * hops, " | ".join(f"{a:.3f}, {b:.3f}" for a, b in cells))


def _train(material: Material, plan: TrainingPlan) -> ManyHeads:
    torch.manual_seed(plan.seed)
    network, geometry = ManyHeads(), LipGeometry()
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda n: rate_at(n, plan))
    batches = material.mix(_LONGEST).batches(np.random.default_rng(plan.seed))
    set_normalisation(network.trunk, [next(batches).columns for _ in range(4)])
    for step in range(1, plan.steps + 1):
        batch = next(batches)
        with quick_half():
            answers = network(batch.columns)
        loss = torch.zeros(())
        for hops, answer in zip(LOOK_AHEADS, answers, strict=True):
            terms = losses(*earlier(answer, batch, hops), geometry)
            loss = loss + torch.stack(list(terms.values())).sum() / len(LOOK_AHEADS)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 50 == 0:
            log.info("step %d of %d, loss %.3f", step, plan.steps, loss.item())
    return network


@torch.no_grad()
def _lips(network: ManyHeads, which: int, sound: np.ndarray) -> Tensor:
    """``[T, 40, 2]`` for the hops of ``sound``."""
    columns = np.pad(columns_of(sound), ((0, _LONGEST + 1), (0, 0)), mode="edge")
    controls = network(torch.from_numpy(columns)[None])[which].controls[0]
    return LipGeometry()(articulate(controls[LOOK_AHEADS[which] :]))


def _real(network: ManyHeads, which: int, spoken: list[Spoken]) -> tuple[float, float]:
    """Correlation of gap and width with tracked lips, mean over clips."""
    pairs = []
    for s in spoken:
        lips = _lips(network, which, s.track.sound)
        rows = np.clip(np.round((s.track.times + s.offset) * 100).astype(int), 0, len(lips) - 1)
        real = torch.from_numpy(s.track.displacement)
        pairs.append([correlation(f(lips)[rows].numpy(), f(real).numpy()) for f in (gap, width)])
    a, b = np.mean(pairs, axis=0)
    return float(a), float(b)


@torch.no_grad()
def _asked(
    network: ManyHeads, which: int, utterances: list[Utterance], model: Coarticulation
) -> tuple[float, float]:
    """Correlation with what the coarticulation model asks for, mean over utterances."""
    pairs = []
    for u in utterances:
        lips = _lips(network, which, u.sound)[: len(u.samples) // 160]
        asked = LipGeometry()(articulate(model(u.phones, torch.arange(len(lips)) / 100)))
        pairs.append([correlation(f(lips).numpy(), f(asked).numpy()) for f in (gap, width)])
    a, b = np.mean(pairs, axis=0)
    return float(a), float(b)


if __name__ == "__main__":
    main()
