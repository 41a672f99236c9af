"""From phone times to mouth motion: dominance functions, fitted to tracked speech.

Cohen & Massaro, "Modeling Coarticulation in Synthetic Visual Speech" (1993), after Löfqvist (1990):
every speech segment i asks the value T_i of a control and insists on it with a dominance D_i that
falls off exponentially in time; the control follows the mean of all targets, weighted by dominance:

    F(t) = sum_i D_i(t) T_i / sum_i D_i(t),    D_i(t) = a_i exp(-theta_i tau_i(t))

Three changes. tau is the distance to the interval of a segment, not to its centre, so long segments
hold their target. T, a and theta are not set by hand but fitted to the lips of three real speakers,
starting from and held near hand-set values: for phones that the videos do not show, and because
what is fitted to one speaker alone says less about the next one than the hand-set values do.
And a weighted mean can leave a short /p/ between two open vowels half open, which no speaker does:
lips meet in every bilabial, whatever surrounds it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.speech.articulators import CONTROL_INDEX, articulate
from training.speech.geometry import LipGeometry, correlation, gap, width
from training.speech.phones import BILABIALS, Phone
from training.speech.visemes import (
    GROUP_OF_CONTROL,
    VISEME_INDEX,
    initial_dominance,
    initial_targets,
    split,
)

__all__ = ["Coarticulation", "FitClip", "fit_coarticulation"]

log = logging.getLogger(__name__)

_INITIAL_FALL = 18.0  # theta in 1/s: a dominance of 1 falls to 1/e within 55 ms
_PRIOR_WEIGHT = 0.05
_SHAPE_WEIGHT = 0.3
_CLOSED_JAW = 0.25
_CLOSED_SHARE = 0.6  # of a bilabial's time: the rest is burst and aspiration
_SHORTEST_CLOSURE, _CLOSING_SECONDS, _OPENING_SECONDS = 0.03, 0.06, 0.05
_STEPS = 150


class Coarticulation(nn.Module):
    """Dominance functions of all visemes; parameters are kept in forms that can not leave range."""

    def __init__(self) -> None:
        super().__init__()
        targets = torch.from_numpy(initial_targets())
        self.target_logit = nn.Parameter(torch.logit(targets.clamp(0.01, 0.985)))  # [V, 16]
        self.log_dominance = nn.Parameter(torch.from_numpy(np.log(initial_dominance())))  # [V, G]
        # how fast dominance falls, before the segment and after it
        self.log_fall = nn.Parameter(torch.full((len(targets), 2), float(np.log(_INITIAL_FALL))))
        self.register_buffer("group", torch.tensor(GROUP_OF_CONTROL))
        # behind closed lips the jaw is hidden from the camera, but not from who sees the avatar
        closed = targets[:, CONTROL_INDEX["closure"]] > 0.5
        ceiling = torch.ones_like(targets)
        ceiling[closed, CONTROL_INDEX["jawOpen"]] = _CLOSED_JAW
        self.register_buffer("ceiling", ceiling)

    def forward(self, phones: Sequence[Phone], times: Tensor) -> Tensor:
        """Controls ``[T, 16]`` in 0..1 at ``times [T]`` (s) of an utterance's phones."""
        visemes = split(tuple(phones))
        index = torch.tensor([VISEME_INDEX[v.name] for v in visemes])
        start = torch.tensor([v.start for v in visemes])
        end = torch.tensor([v.end for v in visemes])
        before = torch.relu(start - times[:, None])  # [T, N], s until the segment begins
        after = torch.relu(times[:, None] - end)  # [T, N], s since it ended
        fall = self.log_fall.exp()[index]  # [N, 2]
        tau = before * fall[:, 0] + after * fall[:, 1]  # [T, N]
        # a softmax over segments is the weighted mean of the formula
        score = self.log_dominance[index].T[:, None] - tau  # [G, T, N]
        weight = torch.softmax(score, dim=-1)[self.group]  # [16, T, N]
        targets = self.targets()[index]  # [N, 16]
        controls = torch.einsum("ctn,nc->tc", weight, targets)
        closure = CONTROL_INDEX["closure"]
        met = torch.maximum(controls[:, closure], _meeting(phones, times))
        return torch.cat([controls[:, :closure], met[:, None], controls[:, closure + 1 :]], dim=1)

    def targets(self) -> Tensor:
        """``[V, 16]`` in 0..1; the ends of the logistic are stretched so that rest is exactly 0."""
        stretched = ((torch.sigmoid(self.target_logit) - 0.01) / 0.975).clamp(0.0, 1.0)
        return torch.minimum(stretched, self.ceiling)

    @staticmethod
    def load(path: Path) -> Coarticulation:
        model = Coarticulation()
        model.load_state_dict(torch.load(path, weights_only=True))
        return model.eval()


@dataclass(frozen=True)
class FitClip:
    """One tracked clip: its phones, frame times (s) and lips ``[T, 40, 2]``; see ``Track``.

    recording: clips of one recording share one time offset.
    offset:    where the search for it begins, s: lips at t belong to sound at t + offset.
    """

    phones: tuple[Phone, ...]
    times: NDArray[np.float32]
    displacement: NDArray[np.float32]
    recording: str
    offset: float = 0.0


def fit_coarticulation(
    groups: Sequence[Sequence[FitClip]], steps: int = _STEPS
) -> tuple[Coarticulation, dict[str, float]]:
    """Fit all parameters to tracked clips, together with the time offset of each recording.

    groups: every group counts alike, however many clips it has.
    Returns the model and each recording's offset in s.
    """
    torch.manual_seed(0)
    model, geometry = Coarticulation(), LipGeometry()
    prior = {name: p.detach().clone() for name, p in model.named_parameters()}
    first = {clip.recording: clip.offset for group in groups for clip in group}
    offsets = {name: torch.tensor(value, requires_grad=True) for name, value in first.items()}
    shown = [
        (clip, torch.from_numpy(clip.times[seen]), torch.from_numpy(clip.displacement[seen]), share)
        for share, clip in ((1 / len(group), clip) for group in groups for clip in group)
        for seen in (~np.isnan(clip.displacement[:, 0, 0]),)
    ]
    optimiser = torch.optim.Adam(
        [
            {"params": list(model.parameters()), "lr": 0.03},
            {"params": list(offsets.values()), "lr": 0.001},
        ]
    )
    for step in range(steps):
        error = torch.zeros(())
        for clip, times, real, share in shown:
            controls = model(clip.phones, times + offsets[clip.recording])
            error = error + share * _distance(geometry(articulate(controls)), real)
        held = sum(((p - prior[n]) ** 2).mean() for n, p in model.named_parameters())
        loss = error + _PRIOR_WEIGHT * held
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 50 == 0 or step == steps - 1:
            log.info("coarticulation step %d: error %.4f", step, error.item())
    found = {name: value.item() for name, value in offsets.items()}
    log.info(
        "lips belong to sound later by %s", {k: f"{1000 * v:+.0f} ms" for k, v in found.items()}
    )
    return model.eval(), found


def _meeting(phones: Sequence[Phone], times: Tensor) -> Tensor:
    """``[T]``: 1 while a bilabial's lips are closed (until its burst), falling to 0 around it."""
    together = torch.zeros_like(times)
    for phone in phones:
        if phone.name not in BILABIALS:
            continue
        burst = phone.start + max(_SHORTEST_CLOSURE, _CLOSED_SHARE * (phone.end - phone.start))
        before = torch.relu(phone.start - times) / _CLOSING_SECONDS
        after = torch.relu(times - min(burst, phone.end)) / _OPENING_SECONDS
        ramp = torch.cos(torch.pi / 2 * (before + after).clamp(max=1.0)) ** 2
        together = torch.maximum(together, ramp)
    return together


def _distance(ours: Tensor, real: Tensor) -> Tensor:
    """Mean error of points, gap and width in tenths of the canthus distance, and their shape.

    The shape, one less the correlation, does not care how far a speaker moves the lips.
    """
    points = (ours - real).norm(dim=-1).mean()
    gaps = (gap(ours) - gap(real)).abs().mean()
    widths = (width(ours) - width(real)).abs().mean()
    shape = 2 - correlation(gap(ours), gap(real)) - correlation(width(ours), width(real))
    return 10 * (points + gaps + 0.5 * widths) + _SHAPE_WEIGHT * shape
