"""How long work takes on a device, how much of it there is, and CUDA graphs of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["Cost", "Precision", "cost", "graphed", "milliseconds", "use"]

_BLOCKS = 7
_BLOCK_MS = 20.0
_WARM_UP = 3


class Precision(StrEnum):
    """fp32: every bit of it. tf32: float32 whose products round to 10 bits. fp16: halves."""

    fp32 = "fp32"
    tf32 = "tf32"
    fp16 = "fp16"

    @property
    def dtype(self) -> torch.dtype:
        """Of weights and activations."""
        return torch.float16 if self is Precision.fp16 else torch.float32


@contextmanager
def use(precision: Precision) -> Iterator[None]:
    """While this lasts, products of float32 numbers are computed so."""
    rounded = precision is Precision.tf32
    torch.backends.cuda.matmul.allow_tf32 = rounded
    torch.backends.cudnn.allow_tf32 = rounded
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False


def milliseconds(work: Callable[[], object], device: torch.device) -> float:
    """Median over blocks of calls, warmed up; by the device's own events where it has them."""
    for _ in range(_WARM_UP):
        work()
    calls = max(1, min(1000, int(_BLOCK_MS / max(_block(work, 1, device), 1e-3))))
    return statistics.median(_block(work, calls, device) for _ in range(_BLOCKS)) / calls


def _block(work: Callable[[], object], calls: int, device: torch.device) -> float:
    if device.type != "cuda":
        began = time.perf_counter()
        for _ in range(calls):
            work()
        return (time.perf_counter() - began) * 1e3
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    begin.record()
    for _ in range(calls):
        work()
    end.record()
    torch.cuda.synchronize()
    return float(begin.elapsed_time(end))


def graphed(module: nn.Module, inputs: Sequence[Tensor]) -> tuple[Callable[[], Any], Any]:
    """Replay of a CUDA graph of ``module(*inputs)``, and its outputs: a replay overwrites them."""
    # Capture forbids what the first calls do: choosing algorithms, making handles.
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(_WARM_UP):
            module(*inputs)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = module(*inputs)
    return graph.replay, outputs


@dataclass(frozen=True)
class Cost:
    """flops: of convolutions and matrix products, two for each multiply-add. bytes: read and
    written when each operation reads its inputs and writes its outputs once, nothing fused."""

    flops: float
    bytes: float


def cost(module: nn.Module, inputs: Sequence[Tensor]) -> Cost:
    """Of one call, counted operation by operation."""
    with FlopCounterMode(display=False) as flops, _Traffic() as traffic:
        module(*inputs)
    return Cost(float(flops.get_total_flops()), float(traffic.bytes))


class _Traffic(TorchDispatchMode):
    """Adds up the sizes of what goes through each operation; views move nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        read = {_place(t): t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        wrote = [t for t in tree_leaves(result) if isinstance(t, Tensor)]
        if not all(_place(t) in read for t in wrote):
            self.bytes += sum(t.numel() * t.element_size() for t in (*read.values(), *wrote))
        return result


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
