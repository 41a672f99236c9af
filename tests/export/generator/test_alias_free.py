"""Alias-free filters against zero-stuffing written out, and against what they are for."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import Tensor  # noqa: E402
from torch.nn import functional  # noqa: E402

from export.generator.alias_free import (  # noqa: E402
    Resampling,
    filter_down,
    filter_up,
    low_pass,
)

pytestmark = pytest.mark.export


def zero_stuffed(x: Tensor, kernel: Tensor, plan: Resampling) -> Tensor:
    """The definition: zeros between the samples, zeros around, then a square filter."""
    b, c, h, w = x.shape
    stuffed = torch.zeros(b, c, h * plan.up, w * plan.up)
    stuffed[:, :, :: plan.up, :: plan.up] = x
    padded = functional.pad(stuffed, [plan.low, plan.high, plan.low, plan.high])
    square = torch.outer(kernel, kernel) * plan.up**2
    return functional.conv2d(padded.reshape(b * c, 1, *padded.shape[2:]), square[None, None]).view(
        b, c, padded.shape[2] - len(kernel) + 1, -1
    )


@pytest.mark.parametrize(
    "plan", [Resampling(2, 2, 9, 8), Resampling(4, 2, -6, -9), Resampling(2, 2, 11, 10)]
)
def test_raising_the_rate_is_zero_stuffing_and_filtering(plan: Resampling) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 20, 20)
    kernel = torch.from_numpy(low_pass(6 * plan.up, 4.0, 3.0, 16.0 * plan.up)).float()
    torch.testing.assert_close(filter_up(x, kernel, plan), zero_stuffed(x, kernel, plan))


@pytest.mark.parametrize("radial", [False, True])
def test_filters_pass_what_is_slow_and_stop_what_is_fast(radial: bool) -> None:
    kernel = low_pass(24, 4.0, 2.0, 32.0, radial)
    row = kernel.sum(0) if radial else kernel
    assert row.sum() == pytest.approx(1)
    waves = np.exp(2j * np.pi * np.outer([1.0, 4.0, 10.0], np.arange(24) / 32))
    passed = np.abs(waves @ row)
    assert passed[0] > 0.95
    assert 0.3 < passed[1] < 0.7
    assert passed[2] < 0.01


def test_radial_filters_are_the_same_in_all_directions() -> None:
    kernel = low_pass(12, 4.0, 2.0, 32.0, radial=True)
    assert kernel.shape == (12, 12)
    assert np.allclose(kernel, kernel.T)
    assert np.allclose(kernel, np.rot90(kernel))


@pytest.mark.parametrize("radial", [False, True])
def test_lowering_the_rate_takes_every_second_filtered_sample(radial: bool) -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 2, 40, 40)
    kernel = torch.from_numpy(low_pass(12, 4.0, 3.0, 32.0, radial)).float()
    square = kernel if radial else torch.outer(kernel, kernel)
    full = functional.conv2d(x, square.expand(2, 1, 12, 12), groups=2)
    torch.testing.assert_close(filter_down(x, kernel, 2), full[..., ::2, ::2])
