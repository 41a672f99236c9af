"""Proof that an exported model is the trained one: both run in closed loop, each on its own state.

One step that agrees proves little for a recurrent network: an error that is invisible in a step
grows when it is fed back. So the comparison runs for many steps and each side only ever sees the
state that it produced itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelMismatch
from engine.runtime.onnx import OnnxModel
from export.motions import sample_motions

if TYPE_CHECKING:
    import torch

__all__ = ["Arrays", "Recurrence", "Step", "Verification", "torch_step", "verify", "verify_face"]

Arrays = dict[str, NDArray[np.float32]]
Step = Callable[[Mapping[str, NDArray[np.float32]]], Arrays]


@dataclass(frozen=True)
class Recurrence:
    """A state that is fed back: input name, output name and the value before the first step."""

    input: str
    output: str
    initial: NDArray[np.float32]


@dataclass(frozen=True)
class Verification:
    """``worst``: output name -> greatest absolute difference over all steps, states included."""

    steps: int
    worst: dict[str, float] = field(default_factory=dict)


def torch_step(module: torch.nn.Module, inputs: Sequence[str], outputs: Sequence[str]) -> Step:
    """``module`` as a step over named arrays; inputs and outputs in its own order."""
    import torch  # only here: a model filled in from a template is proven without it

    def step(arrays: Mapping[str, NDArray[np.float32]]) -> Arrays:
        with torch.no_grad():
            result = module(*(torch.from_numpy(np.ascontiguousarray(arrays[n])) for n in inputs))
        results = result if isinstance(result, tuple) else (result,)
        return {n: r.numpy() for n, r in zip(outputs, results, strict=True)}

    return step


def verify(
    reference: Step,
    exported: OnnxModel,
    inputs: Callable[[int], Arrays],
    *,
    recurrences: Sequence[Recurrence] = (),
    steps: int = 50,
    tolerance: float = 1e-4,
) -> Verification:
    """Run both sides for ``steps`` steps and compare every output.

    inputs: step number -> the arrays that are not state.

    Raises ModelMismatch naming each output whose shape differs or whose greatest absolute
    difference exceeds ``tolerance``; ValueError for fewer than 50 steps.
    """
    if steps < 50:
        raise ValueError(f"{steps} steps prove too little, expected 50 or more")
    states = [{r.input: r.initial for r in recurrences} for _ in range(2)]
    worst: dict[str, float] = {}
    for n in range(steps):
        given = inputs(n)
        ours, theirs = reference({**given, **states[0]}), exported.run({**given, **states[1]})
        if ours.keys() != theirs.keys():
            raise ModelMismatch(
                f"the exported model gives {sorted(theirs)}, expected {sorted(ours)}: export again"
            )
        for name, value in ours.items():
            found = _difference(value, theirs[name])
            worst[name] = float(np.maximum(worst.get(name, 0.0), found))  # keeps a NaN
        states = [{r.input: side[r.output] for r in recurrences} for side in (ours, theirs)]
    wrong = {name: value for name, value in worst.items() if not value <= tolerance}
    if wrong:
        raise ModelMismatch(
            f"the exported model differs by {wrong} over {steps} steps, expected at most "
            f"{tolerance}: export again, or correct the graph"
        )
    return Verification(steps, worst)


def verify_face(
    generator: torch.nn.Module, model: bytes, outputs: Sequence[str], tolerance: float
) -> float:
    """The greatest difference of ``face.onnx`` from its network, over 50 motions of all kinds.

    Raises ModelMismatch where it exceeds ``tolerance``.
    """
    motions = sample_motions(50, np.random.default_rng(7))
    proof = verify(
        torch_step(generator, ["face"], outputs),
        OnnxModel(model),
        lambda n: {"face": motions[n : n + 1]},
        steps=len(motions),
        tolerance=tolerance,
    )
    return max(proof.worst.values())


def _difference(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """Greatest absolute difference; infinite where shapes differ, NaN where a value is."""
    if ours.shape != theirs.shape:
        return float("inf")
    return float(np.abs(ours - theirs).max()) if ours.size else 0.0
