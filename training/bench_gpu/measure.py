"""One network in one precision: how many calls a second, alone and in batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from training.bench_gpu.networks import Network
from training.bench_gpu.timing import Cost, Precision, cost, graphed, milliseconds, use

__all__ = ["Speed", "measure"]

_LAYOUTS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}
_SATURATED = 1.04  # a doubled batch that gains less is the last one
_FRAME_MS = 40.0


@dataclass
class Speed:
    """Milliseconds a call by batch, as one CUDA graph and call by call from Python; None where not
    measured.

    host_ms: by batch, the graph and its outputs' way to pinned memory of the host.
    gpu_mb:  by batch, most memory that tensors held, weights included.
    cost:    of one stream's call.
    """

    network: str
    precision: str
    layout: str = ""
    rate: int = 25
    cost: Cost | None = None
    graph_ms: dict[int, float] = field(default_factory=dict)
    eager_ms: dict[int, float] = field(default_factory=dict)
    host_ms: dict[int, float] = field(default_factory=dict)
    gpu_mb: dict[int, float] = field(default_factory=dict)
    note: str = ""

    @property
    def fastest(self) -> dict[int, float]:
        """By batch: of the graph where there is one, else of eager calls."""
        return self.graph_ms or self.eager_ms

    @property
    def best_batch(self) -> int:
        """The one of most calls a second."""
        return max(self.fastest, key=lambda batch: batch / self.fastest[batch])

    @property
    def streams(self) -> int:
        """Live ones at a time, each batch done within the time of one of its calls."""
        within = 1000 / self.rate
        fits = [b / ms for b, ms in self.fastest.items() if ms <= within]
        return int(max(fits, default=0.0) * within)


def measure(
    network: Network, precision: Precision, device: torch.device, out_of_time: Callable[[], bool]
) -> Speed:
    """Never raises for what the device can not do: the row then says why it is short."""
    speed = Speed(network.name, precision.value, rate=network.rate)
    try:
        with use(precision), torch.no_grad():
            _measure(network, precision, device, out_of_time, speed)
    except (RuntimeError, torch.cuda.OutOfMemoryError) as error:
        speed.note = f"stopped: {str(error).splitlines()[0][:120]}"
    finally:
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return speed


def _measure(
    network: Network,
    precision: Precision,
    device: torch.device,
    out_of_time: Callable[[], bool],
    speed: Speed,
) -> None:
    one = network.arguments(1, precision, device)
    speed.layout, module = _laid_out(network, precision, device)
    speed.cost = cost(module, one)
    for batch in network.batches:
        if out_of_time():
            speed.note = f"out of time before a batch of {batch}"
            break
        inputs = network.arguments(batch, precision, device)
        if device.type != "cuda":
            speed.eager_ms[batch] = _eager(module, inputs, device)
            continue
        torch.cuda.reset_peak_memory_stats()
        try:
            replay, outputs = graphed(module, inputs)
        except torch.cuda.OutOfMemoryError:
            speed.note = f"no memory for a batch of {batch}"
            break
        speed.gpu_mb[batch] = torch.cuda.max_memory_allocated() / 1e6
        speed.graph_ms[batch] = milliseconds(replay, device)
        speed.host_ms[batch] = _to_host(replay, outputs, device)
        del replay, outputs
        before = max((b / ms for b, ms in speed.graph_ms.items() if b < batch), default=0.0)
        if batch / speed.graph_ms[batch] < _SATURATED * before:
            break
    if device.type == "cuda" and speed.graph_ms:
        for batch in sorted({1, speed.best_batch}):
            inputs = network.arguments(batch, precision, device)
            speed.eager_ms[batch] = _eager(module, inputs, device)


def _laid_out(
    network: Network, precision: Precision, device: torch.device
) -> tuple[str, nn.Module]:
    """The memory layout that is faster at a batch of four, and the network in it."""
    layouts = _LAYOUTS if network.convolves and device.type == "cuda" else {"channels first": None}
    timed = []
    for name, layout in layouts.items():
        module = network.ready(precision, device, layout or torch.contiguous_format)
        if len(layouts) == 1:
            return name, module
        replay, outputs = graphed(module, network.arguments(4, precision, device))
        timed.append((milliseconds(replay, device), name, module))
        del replay, outputs
    _, name, module = min(timed, key=lambda entry: entry[0])
    return name, module


def _eager(module: nn.Module, inputs: tuple[Tensor, ...], device: torch.device) -> float:
    return milliseconds(lambda: module(*inputs), device)


def _to_host(replay: Callable[[], None], outputs: object, device: torch.device) -> float:
    """What a server sees: the call and its outputs in the host's memory."""
    tensors = outputs if isinstance(outputs, tuple) else (outputs,)
    pinned = [torch.empty(t.shape, dtype=t.dtype, pin_memory=True) for t in tensors]

    def work() -> None:
        replay()
        for there, here in zip(pinned, tensors, strict=True):
            there.copy_(here, non_blocking=True)

    return milliseconds(work, device)
