"""What of CUDA's runtime is needed to run a plan: buffers, a stream, a graph of what it does."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from engine.errors import MissingExtra, NoDevice

__all__ = ["Buffer", "Stream", "cudart"]


def cudart() -> Any:
    """NVIDIA's bindings of the CUDA runtime. Raises MissingExtra without them."""
    try:
        from cuda.bindings import runtime
    except ImportError as error:
        raise MissingExtra("running TensorRT", "tensorrt") from error
    return runtime


def _checked(result: tuple[Any, ...]) -> Any:
    """What a call gave besides its error. Raises NoDevice with CUDA's own words."""
    rt = cudart()
    error, *values = result
    if error != rt.cudaError_t.cudaSuccess:
        words = rt.cudaGetErrorString(error)[1]
        text = words.decode() if isinstance(words, bytes) else str(words)
        raise NoDevice(
            f"CUDA answers {text!r}, expected success: `engine doctor` looks at driver and GPU, "
            "--device cpu goes without"
        )
    return values[0] if values else None


class Stream:
    """Work in order, on the first GPU. Raises NoDevice without one."""

    def __init__(self) -> None:
        self._rt = cudart()
        self.handle = int(_checked(self._rt.cudaStreamCreate()))

    def wait(self) -> None:
        """Until all that was put into it is done."""
        _checked(self._rt.cudaStreamSynchronize(self.handle))

    def graph(self, work: Callable[[], None]) -> Callable[[], None]:
        """What ``work`` puts into this stream as one launch, which the result repeats."""
        mode = self._rt.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        _checked(self._rt.cudaStreamBeginCapture(self.handle, mode))
        try:
            work()
        finally:
            graph = _checked(self._rt.cudaStreamEndCapture(self.handle))
        launchable = _checked(self._rt.cudaGraphInstantiate(graph, 0))
        return lambda: _checked(self._rt.cudaGraphLaunch(launchable, self.handle))


class Buffer:
    """An array on the GPU with its double in page-locked memory of the host.

    host: the double, ``shape`` and ``dtype`` as asked for; what is written there is what
    :meth:`upload` sends. Freed with the object.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self._rt = cudart()
        self.bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self.address = int(_checked(self._rt.cudaMalloc(self.bytes)))
        self._pinned = int(_checked(self._rt.cudaMallocHost(self.bytes)))
        memory = (ctypes.c_uint8 * self.bytes).from_address(self._pinned)
        self.host: NDArray[Any] = np.ctypeslib.as_array(memory).view(dtype).reshape(shape)

    def upload(self, stream: Stream) -> None:
        """Host to GPU, in order with the stream's work."""
        self._copy(self.address, self._pinned, "cudaMemcpyHostToDevice", stream)

    def download(self, stream: Stream) -> None:
        """GPU to host; there once ``stream.wait()`` returns."""
        self._copy(self._pinned, self.address, "cudaMemcpyDeviceToHost", stream)

    def _copy(self, target: int, source: int, kind: str, stream: Stream) -> None:
        way = getattr(self._rt.cudaMemcpyKind, kind)
        _checked(self._rt.cudaMemcpyAsync(target, source, self.bytes, way, stream.handle))

    def __del__(self) -> None:
        if hasattr(self, "_pinned"):
            self._rt.cudaFreeHost(self._pinned)
            self._rt.cudaFree(self.address)
