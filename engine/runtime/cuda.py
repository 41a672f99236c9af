"""onnxruntime on an NVIDIA GPU: the CUDA execution provider.

A library that CUDA needs and that is not found makes onnxruntime run on the CPU and say nothing. So
what runs is looked at after loading, and is an error if it is not the GPU.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import MissingExtra, ModelMismatch, NoDevice
from engine.runtime.model import Shape

__all__ = ["CudaGraph", "CudaModel", "has_cuda"]

_PROVIDER, _DEVICE = "CUDAExecutionProvider", "cuda"
# Without it a single operation that CUDA does not know would be run on the CPU, and copied for.
_NO_FALLBACK = {"session.disable_cpu_ep_fallback": "1"}
_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
    "tensor(int64)": np.int64,
}


def has_cuda() -> bool:
    """Whether the installed onnxruntime is one that can use CUDA at all."""
    try:
        import onnxruntime
    except ImportError:
        return False
    return _PROVIDER in onnxruntime.get_available_providers()


class CudaModel:
    """A model on the GPU, shapes as they come, each call on its own; the recurrent ones run here.

    Raises NoDevice where it would run on the CPU, ModelMismatch for what is no model.
    """

    def __init__(self, model: bytes) -> None:
        self._session = _session(model, {})
        self.metadata, self.inputs, self.outputs = _described(self._session)

    def run(self, inputs: Mapping[str, Any], keep: Collection[str] = ()) -> dict[str, Any]:
        """As ``engine.runtime.model.Model`` says; kept outputs are values on the GPU."""
        binding = self._session.io_binding()
        for name, value in inputs.items():
            if isinstance(value, np.ndarray):
                binding.bind_cpu_input(name, np.ascontiguousarray(value))
            else:
                binding.bind_ortvalue_input(name, value)
        for name in self.outputs:
            binding.bind_output(name, _DEVICE if name in keep else "cpu")
        self._session.run_with_iobinding(binding)
        values = dict(zip(self.outputs, binding.get_outputs(), strict=True))
        return {n: v if n in keep else v.numpy() for n, v in values.items()}


class CudaGraph:
    """A model of one fixed batch as a CUDA graph: one launch for its hundreds of kernels.

    Inputs and outputs have their places on the GPU, which the graph knows; a call copies in,
    launches and copies out. One call at a time.

    batch: what the symbolic first dimension becomes.

    Raises NoDevice unless every operation runs on the GPU, ModelMismatch for what is no model.
    """

    def __init__(self, model: bytes, batch: int) -> None:
        import onnxruntime

        self._session = _session(model, {"enable_cuda_graph": "1"}, batch)
        self.metadata, self.inputs, self.outputs = _described(self._session)
        self._lock = threading.Lock()
        self._binding = self._session.io_binding()
        self._in: dict[str, Any] = {}
        self._out: dict[str, Any] = {}
        for values, nodes, bind in (
            (self._in, self._session.get_inputs(), self._binding.bind_ortvalue_input),
            (self._out, self._session.get_outputs(), self._binding.bind_ortvalue_output),
        ):
            for node in nodes:
                values[node.name] = onnxruntime.OrtValue.ortvalue_from_shape_and_type(
                    list(node.shape), _DTYPES[node.type], _DEVICE, 0
                )
                bind(node.name, values[node.name])
        # The first call allocates, the second is recorded.
        still = {i.name: np.zeros(i.shape, _DTYPES[i.type]) for i in self._session.get_inputs()}
        for _ in range(2):
            self.run(still)

    def run(self, inputs: Mapping[str, NDArray[Any]], keep: Collection[str] = ()) -> dict[str, Any]:
        """Named arrays of exactly the model's shapes in, arrays out; nothing can be kept."""
        assert not keep, f"asked to keep {keep} in buffers that the next call overwrites"
        with self._lock:
            for name, value in inputs.items():
                self._in[name].update_inplace(np.ascontiguousarray(value))
            self._session.run_with_iobinding(self._binding)
            return {name: value.numpy() for name, value in self._out.items()}


def _session(model: bytes, provider: dict[str, str], batch: int | None = None) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtra("running a model on the GPU", "cuda") from error
    if not has_cuda():
        raise NoDevice(
            "the installed onnxruntime has no CUDA, expected onnxruntime-gpu: pip uninstall "
            "onnxruntime, then pip install 'avatar-engine[cuda]'"
        )
    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()  # those of the pip packages, which no search path names
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if batch is not None:
        options.add_free_dimension_override_by_name("batch", batch)
        for entry in _NO_FALLBACK.items():
            options.add_session_config_entry(*entry)
    # Rounding products to TF32 is a precision of its own, which nobody asked for.
    choices = {"device_id": "0", "use_tf32": "0", "cudnn_conv_algo_search": "EXHAUSTIVE"}
    try:
        session = onnxruntime.InferenceSession(
            model, options, providers=[(_PROVIDER, choices | provider)]
        )
    except Exception as error:  # onnxruntime's errors share no base class but RuntimeError
        if "CPU EP" in str(error) or "CUDA" in str(error):
            raise NoDevice(
                f"CUDA can not run this model ({error}), expected that all of it can: "
                "`engine doctor` says what is missing, --device cpu goes without"
            ) from error
        raise ModelMismatch(f"onnxruntime can not load the given bytes: {error}") from error
    used = session.get_providers()
    if used[:1] != [_PROVIDER]:
        raise NoDevice(
            f"onnxruntime uses {', '.join(used)}, expected {_PROVIDER}: a CUDA library is missing; "
            "`engine doctor` says which, --device cpu goes without"
        )
    return session


def _described(session: Any) -> tuple[dict[str, str], dict[str, Shape], dict[str, Shape]]:
    return (
        dict(session.get_modelmeta().custom_metadata_map),
        {i.name: tuple(i.shape) for i in session.get_inputs()},
        {o.name: tuple(o.shape) for o in session.get_outputs()},
    )
