"""What the chip reaches at best, measured: the two roofs of a roofline (Williams et al., 2009)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from training.bench_gpu.timing import Precision, milliseconds, use

__all__ = ["Ceilings", "measure_ceilings"]


@dataclass(frozen=True)
class Ceilings:
    """flops: FLOP/s of a large matrix product, by precision. bytes: read plus written a second, by
    a copy of a large tensor."""

    flops: dict[Precision, float]
    bytes: float


def measure_ceilings(device: torch.device, side: int, megabytes: int) -> Ceilings:
    """side: of the matrices, which hold random numbers: zeros would run faster than real data.
    megabytes: of the copied tensor, many times what the caches hold."""
    flops = {}
    for precision in Precision:
        with use(precision):
            a, b = (torch.randn(side, side, device=device, dtype=precision.dtype) for _ in range(2))
            flops[precision] = 2 * side**3 / milliseconds(lambda a=a, b=b: a @ b, device) * 1e3
    source = torch.randint(256, (megabytes << 20,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    took = milliseconds(lambda: target.copy_(source), device)
    return Ceilings(flops, 2 * source.numel() / took * 1e3)
