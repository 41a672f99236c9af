"""The closed-loop proof accepts a true copy and catches errors that one step would not show."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import Tensor, nn  # noqa: E402

from engine.errors import ModelMismatch  # noqa: E402
from engine.runtime.onnx import OnnxModel  # noqa: E402
from export.verify import Arrays, Recurrence, torch_step, verify  # noqa: E402

pytestmark = pytest.mark.export


class Leaky(nn.Module):
    """A state that keeps ``keep`` of itself and adds the input."""

    def __init__(self, keep: float) -> None:
        super().__init__()
        self.keep = nn.Parameter(torch.tensor(keep))

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = self.keep * state + x
        return state.sum(dim=-1, keepdim=True), state


@cache
def exported(keep: float) -> OnnxModel:
    buffer = io.BytesIO()
    torch.onnx.export(
        Leaky(keep),
        (torch.zeros(1, 3), torch.zeros(1, 3)),
        input_names=["x", "state"],
        output_names=["sum", "state_out"],
        external_data=False,
        verbose=False,
    ).save(buffer)
    return OnnxModel(buffer.getvalue())


def ones(_: int) -> Arrays:
    return {"x": np.ones((1, 3), np.float32)}


REFERENCE = torch_step(Leaky(0.99), ("x", "state"), ("sum", "state_out"))
STATE = Recurrence("state", "state_out", np.zeros((1, 3), np.float32))


def test_a_true_copy_passes_and_its_worst_difference_is_told() -> None:
    proof = verify(REFERENCE, exported(0.99), ones, recurrences=[STATE], steps=60)
    assert proof.steps == 60
    assert set(proof.worst) == {"sum", "state_out"}
    assert max(proof.worst.values()) < 1e-4


def test_an_error_that_builds_up_is_caught() -> None:
    """keep = 0.9901 is within 1e-3 for the first steps; only closed loop shows it."""
    with pytest.raises(ModelMismatch, match="state_out"):
        verify(REFERENCE, exported(0.9901), ones, recurrences=[STATE], tolerance=1e-2)
    zero = Recurrence("state", "state_out", np.zeros((1, 3), np.float32))
    first = REFERENCE({**ones(0), "state": zero.initial})
    other = exported(0.9901).run({**ones(0), "state": zero.initial})
    np.testing.assert_allclose(first["sum"], other["sum"], atol=1e-2)


def test_nan_does_not_pass() -> None:
    def nan(_: int) -> Arrays:
        return {"x": np.full((1, 3), np.nan, np.float32)}

    with pytest.raises(ModelMismatch):
        verify(REFERENCE, exported(0.99), nan, recurrences=[STATE])


def test_other_outputs_do_not_pass() -> None:
    renamed = torch_step(Leaky(0.99), ("x", "state"), ("total", "state_out"))
    with pytest.raises(ModelMismatch, match="total"):
        verify(renamed, exported(0.99), ones, recurrences=[STATE])


def test_too_few_steps_prove_nothing() -> None:
    with pytest.raises(ValueError, match="50"):
        verify(REFERENCE, exported(0.99), ones, recurrences=[STATE], steps=49)
