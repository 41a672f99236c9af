"""CUDA's runtime on a machine without a GPU: the calls that we make, on the host's own memory.

It keeps what the real one promises: work in a stream happens in order, what is captured does not
happen but is repeated by the graph, and memory that was not given out is an error.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

__all__ = ["FakeCudart"]


class FakeCudart:
    cudaError_t = SimpleNamespace(cudaSuccess=0)
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)

    def __init__(self, broken: str = "") -> None:
        self.broken = broken  # the call that fails
        self.memory: dict[int, Any] = {}
        self.captured: list[Callable[[], None]] | None = None
        self.graphs: dict[int, list[Callable[[], None]]] = {}
        self.handles = itertools.count(1)
        self.launches = 0

    def _answer(self, call: str, *values: Any) -> tuple[Any, ...]:
        return (999, *(None for _ in values)) if call == self.broken else (0, *values)

    def enqueue(self, work: Callable[[], None]) -> None:
        """What a kernel launch does."""
        if self.captured is None:
            work()
        else:
            self.captured.append(work)

    def cudaGetErrorString(self, error: int) -> tuple[int, bytes]:
        return 0, b"out of everything"

    def cudaStreamCreate(self) -> tuple[Any, ...]:
        return self._answer("cudaStreamCreate", next(self.handles))

    def cudaStreamSynchronize(self, stream: int) -> tuple[Any, ...]:
        return self._answer("cudaStreamSynchronize")

    def _allocate(self, call: str, size: int) -> tuple[Any, ...]:
        block = (ctypes.c_uint8 * size)(*([0xAB] * min(size, 64)))  # not zeros
        self.memory[ctypes.addressof(block)] = block
        return self._answer(call, ctypes.addressof(block))

    def cudaMalloc(self, size: int) -> tuple[Any, ...]:
        return self._allocate("cudaMalloc", size)

    def cudaMallocHost(self, size: int) -> tuple[Any, ...]:
        return self._allocate("cudaMallocHost", size)

    def cudaFree(self, address: int) -> tuple[Any, ...]:
        del self.memory[address]
        return (0,)

    cudaFreeHost = cudaFree

    def cudaMemcpyAsync(
        self, target: int, source: int, size: int, kind: int, stream: int
    ) -> tuple[Any, ...]:
        assert target in self.memory
        assert source in self.memory
        assert kind in (1, 2)
        self.enqueue(lambda: ctypes.memmove(target, source, size) and None)
        return self._answer("cudaMemcpyAsync")

    def cudaStreamBeginCapture(self, stream: int, mode: int) -> tuple[Any, ...]:
        assert self.captured is None
        self.captured = []
        return self._answer("cudaStreamBeginCapture")

    def cudaStreamEndCapture(self, stream: int) -> tuple[Any, ...]:
        assert self.captured is not None
        graph = next(self.handles)
        self.graphs[graph], self.captured = self.captured, None
        return self._answer("cudaStreamEndCapture", graph)

    def cudaGraphInstantiate(self, graph: int, flags: int) -> tuple[Any, ...]:
        assert graph in self.graphs
        return self._answer("cudaGraphInstantiate", graph)

    def cudaGraphLaunch(self, graph: int, stream: int) -> tuple[Any, ...]:
        self.launches += 1
        for work in self.graphs[graph]:
            work()
        return self._answer("cudaGraphLaunch")
