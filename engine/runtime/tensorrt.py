"""TensorRT 11 on an NVIDIA GPU: a plan is built from ``frame.onnx`` once, then only run.

TensorRT 11 is strongly typed: precision is the ONNX file's, and no flag changes it. A plan belongs
to one GPU and one version (``engine.runtime.plans``). onnxruntime's own TensorRT provider wants
TensorRT 10, which is why this speaks to TensorRT itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from engine.errors import MissingExtra, ModelMismatch, NoDevice
from engine.runtime.device_memory import Buffer, Stream
from engine.runtime.model import Shape

__all__ = ["Built", "TensorRtModel", "build", "tensorrt"]

_WORKSPACE = 4 << 30


def tensorrt() -> Any:
    """The module. Raises MissingExtra without it or without its libraries."""
    try:
        import tensorrt as module
    except ImportError as error:
        raise MissingExtra("building and running TensorRT plans", "tensorrt") from error
    return module


@dataclass(frozen=True)
class Built:
    """plan: for the GPU that built it. timings: the timing cache as it is now."""

    plan: bytes
    timings: bytes


def build(
    model: bytes,
    batch: int,
    timings: bytes | None = b"",
    trt: Any = None,
    progress: Callable[[str, float], None] = lambda phase, share: None,
) -> Built:
    """Compile an ONNX file whose inputs begin with a free batch; takes a minute or more.

    batch: the largest; the plan is tuned for it and runs 1 to ``batch``. timings: of an earlier
    build, None to keep none. trt: TensorRT, or a module with its interface. progress: told the
    phase and the share of it that is done.

    Raises ModelMismatch for what TensorRT can not parse or build, in its own words.
    """
    trt = trt or tensorrt()
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model):
        told = "; ".join(str(parser.get_error(k)) for k in range(parser.num_errors))
        raise ModelMismatch(f"TensorRT can not read the model: {told}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, _WORKSPACE)
    config.clear_flag(trt.BuilderFlag.TF32)  # single precision means all of its bits
    config.progress_monitor = monitor = _monitor(trt, progress)
    profile = builder.create_optimization_profile()
    for k in range(network.num_inputs):
        tensor = network.get_input(k)
        rest = tuple(tensor.shape)[1:]
        profile.set_shape(tensor.name, (1, *rest), (batch, *rest), (batch, *rest))
    config.add_optimization_profile(profile)
    cache = None if timings is None else _timing_cache(config, timings)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise ModelMismatch(
            "TensorRT built nothing of the model, expected a plan: its log says why; --device cuda "
            "goes without"
        )
    del monitor  # has to live until here
    return Built(bytes(plan), b"" if cache is None else bytes(cache.serialize()))


def _monitor(trt: Any, progress: Callable[[str, float], None]) -> Any:
    """TensorRT's own way of telling how far it is: nested phases, of which the outermost counts."""
    steps: dict[str, int] = {}

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            if parent_phase is None:
                steps[phase_name] = max(1, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            if phase_name in steps:
                progress(phase_name, min(1.0, (step + 1) / steps[phase_name]))
            return True  # go on

        def phase_finish(self, phase_name: str) -> None:
            if steps.pop(phase_name, None):
                progress(phase_name, 1.0)

    return Monitor()


def _timing_cache(config: Any, timings: bytes) -> Any:
    """Attach it; one of another GPU or version is refused by TensorRT and begun anew."""
    cache = config.create_timing_cache(timings)
    if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, ignore_mismatch=False)
    return cache


class TensorRtModel:
    """A plan, its buffers, and a CUDA graph of each batch that was asked for. One call at a time.

    plan: of this GPU and version. batch: the largest that it was built for. trt: as in ``build``.

    Raises NoDevice where the plan can not be used here.
    """

    def __init__(self, plan: bytes, batch: int, trt: Any = None) -> None:
        trt = trt or tensorrt()
        self._stream = Stream()
        self._runtime = trt.Runtime(trt.Logger(trt.Logger.WARNING))
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise NoDevice(
                "TensorRT can not use the plan here, expected one of this GPU and version: delete "
                "the cache folder, it is built anew; --device cuda goes without"
            )
        self._batch = batch
        self._lock = threading.Lock()
        self._contexts: dict[int, Any] = {}
        self._graphs: dict[int, Callable[[], None]] = {}
        self._buffers: dict[str, Buffer] = {}
        self.metadata: dict[str, str] = {}
        self.inputs: dict[str, Shape] = {}
        self.outputs: dict[str, Shape] = {}
        for k in range(self._engine.num_io_tensors):
            name = self._engine.get_tensor_name(k)
            rest = tuple(self._engine.get_tensor_shape(name))[1:]
            side = self.inputs if self._reads(trt, name) else self.outputs
            side[name] = ("batch", *rest)
            dtype = trt.nptype(self._engine.get_tensor_dtype(name))
            self._buffers[name] = Buffer((batch, *rest), dtype)

    def _reads(self, trt: Any, name: str) -> bool:
        return bool(self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT)

    def run(self, inputs: Mapping[str, NDArray[Any]], keep: Collection[str] = ()) -> dict[str, Any]:
        """Arrays of 1 to ``batch`` rows in, arrays of as many out; nothing can be kept."""
        assert not keep, f"asked to keep {keep} in buffers that the next call overwrites"
        rows = len(next(iter(inputs.values())))
        assert 0 < rows <= self._batch, f"got {rows} rows, expected 1 to {self._batch}"
        with self._lock:
            for name, value in inputs.items():
                self._buffers[name].host[:rows] = value
                self._buffers[name].upload(self._stream)
            if rows not in self._graphs:
                self._record(rows)
            self._graphs[rows]()
            for name in self.outputs:
                self._buffers[name].download(self._stream)
            self._stream.wait()
            return {name: self._buffers[name].host[:rows].copy() for name in self.outputs}

    def _record(self, rows: int) -> None:
        """A context with this batch's shapes, one run that sets everything up, and its graph.

        A context of its own: a graph holds on to the memory and the shapes of the one it is of.
        """
        context = self._engine.create_execution_context()
        context.set_optimization_profile_async(0, self._stream.handle)
        for name, buffer in self._buffers.items():
            context.set_tensor_address(name, buffer.address)
        for name, shape in self.inputs.items():
            context.set_input_shape(name, (rows, *shape[1:]))

        def launch() -> None:
            if not context.execute_async_v3(self._stream.handle):
                raise NoDevice(
                    "TensorRT could not run its plan, expected it to: `engine doctor` looks at the "
                    "GPU, --device cuda goes without"
                )

        launch()
        self._stream.wait()
        self._contexts[rows] = context
        self._graphs[rows] = self._stream.graph(launch)
