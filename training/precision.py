"""Half precision where it is quicker."""

from __future__ import annotations

import torch

__all__ = ["quick_half"]


def quick_half() -> torch.autocast:
    """Compute in bfloat16 where the CPU has it: a third of the time.

    Where it has not, torch takes up to 25 times as long as in single precision.
    """
    has_it = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return torch.autocast("cpu", torch.bfloat16, enabled=has_it)
