"""TensorRT 11 without a GPU: exactly those members of its Python interface that 11.4 has.

Read off the bindings of 11.4.0.106. What was there in 10 and is gone (flags for FP16, explicit
batch, ``build_engine``) is not here, so code that asks for it fails. The engine computes nothing
but ``frame = face[:, 0]``, on the memory of ``tests.cuda_runtime``.
"""

from __future__ import annotations

import ctypes
import json
from enum import Enum
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from tests.cuda_runtime import FakeCudart

__all__ = ["FakeTensorRt"]

_FLAGS = (
    "DEBUG GPU_FALLBACK REFIT DISABLE_TIMING_CACHE EDITABLE_TIMING_CACHE TF32 SPARSE_WEIGHTS "
    "SAFETY_SCOPE DIRECT_IO VERSION_COMPATIBLE EXCLUDE_LEAN_RUNTIME ERROR_ON_TIMING_CACHE_MISS "
    "DISABLE_COMPILATION_CACHE STRIP_PLAN REFIT_IDENTICAL WEIGHT_STREAMING REFIT_INDIVIDUAL "
    "STRICT_NANS MONITOR_MEMORY DISTRIBUTIVE_INDEPENDENCE"
)
FRAME = (4, 6, 3)


class FakeTensorRt:
    """version: plans and timings of another one are refused. unparsable, unbuildable: fail so."""

    __version__ = "11.4.0.106"
    BuilderFlag = Enum("BuilderFlag", _FLAGS)  # type: ignore[misc]
    MemoryPoolType = Enum("MemoryPoolType", "WORKSPACE TACTIC_DRAM")
    TensorIOMode = Enum("TensorIOMode", "NONE INPUT OUTPUT")
    IProgressMonitor = object

    def __init__(
        self, rt: FakeCudart, *, unparsable: bool = False, unbuildable: bool = False
    ) -> None:
        self.rt = rt
        self.unparsable, self.unbuildable = unparsable, unbuildable
        self.configs: list[_Config] = []
        self.Logger = type("Logger", (), {"WARNING": 2, "__init__": lambda self, level: None})

    def nptype(self, dtype: str) -> Any:
        return {"FLOAT": np.float32, "UINT8": np.uint8}[dtype]

    def Builder(self, logger: object) -> Any:
        def network(flags: int = 0) -> _Network:
            return _Network()

        def config() -> _Config:
            self.configs.append(_Config())
            return self.configs[-1]

        def build(network: _Network, config: _Config) -> bytes | None:
            config.work()
            if self.unbuildable:
                return None
            return json.dumps({"version": self.__version__, **config.profiles[0].shapes}).encode()

        return SimpleNamespace(
            create_network=network, create_builder_config=config,
            create_optimization_profile=_Profile, build_serialized_network=build,
        )  # fmt: skip

    def OnnxParser(self, network: _Network, logger: object) -> Any:
        def parse(model: bytes) -> bool:
            network.parsed = model
            return not self.unparsable

        return SimpleNamespace(parse=parse, num_errors=1, get_error=lambda k: "node 7 (GridSample)")

    def Runtime(self, logger: object) -> Any:
        def deserialize(plan: bytes) -> _Engine | None:
            told = json.loads(plan)
            return _Engine(self, told) if told["version"] == self.__version__ else None

        return SimpleNamespace(deserialize_cuda_engine=deserialize)


class _Network:
    num_inputs = 2
    parsed = b""

    def get_input(self, k: int) -> Any:
        return SimpleNamespace(name=("face", "head")[k], shape=((-1, 52), (-1, 3))[k])


class _Profile:
    def __init__(self) -> None:
        self.shapes: dict[str, Any] = {}

    def set_shape(self, name: str, *shapes: tuple[int, ...]) -> None:
        least, best, most = shapes
        assert len(least) == len(best) == len(most)
        self.shapes[name] = [list(s) for s in shapes]


class _Cache:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def serialize(self) -> bytes:
        return self.content + b"+1"


class _Config:
    def __init__(self) -> None:
        self.profiles: list[_Profile] = []
        self.pools: dict[Any, int] = {}
        self.cleared: list[Any] = []
        self.cache: _Cache | None = None
        self.progress_monitor: Any = None

    def set_memory_pool_limit(self, pool: Any, size: int) -> None:
        self.pools[pool] = size

    def clear_flag(self, flag: Any) -> None:
        self.cleared.append(flag)

    def add_optimization_profile(self, profile: _Profile) -> int:
        self.profiles.append(profile)
        return 0

    def create_timing_cache(self, content: bytes) -> _Cache:
        return _Cache(content)

    def set_timing_cache(self, cache: _Cache, ignore_mismatch: bool) -> bool:
        if cache.content.startswith(b"foreign"):
            return False
        self.cache = cache
        return True

    def work(self) -> None:
        monitor = self.progress_monitor
        monitor.phase_start("Building engine", None, 4)
        monitor.phase_start("Tactics", "Building engine", 100)
        assert monitor.step_complete("Tactics", 50)
        for k in range(4):
            assert monitor.step_complete("Building engine", k)
        monitor.phase_finish("Tactics")
        monitor.phase_finish("Building engine")


class _Engine:
    num_io_tensors = 3
    _TENSORS: ClassVar[dict[str, Any]] = {
        "face": ("INPUT", (-1, 52), "FLOAT"),
        "head": ("INPUT", (-1, 3), "FLOAT"),
        "frame": ("OUTPUT", (-1, *FRAME), "UINT8"),
    }

    def __init__(self, trt: FakeTensorRt, profile: dict[str, Any]) -> None:
        self.trt, self.profile = trt, profile
        self.contexts = 0

    def get_tensor_name(self, k: int) -> str:
        return list(self._TENSORS)[k]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self._TENSORS[name][1]

    def get_tensor_dtype(self, name: str) -> str:
        return self._TENSORS[name][2]

    def get_tensor_mode(self, name: str) -> Any:
        return self.trt.TensorIOMode[self._TENSORS[name][0]]

    def create_execution_context(self) -> _Context:
        self.contexts += 1
        return _Context(self)


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self.engine = engine
        self.addresses: dict[str, int] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.profile: int | None = None

    def set_optimization_profile_async(self, profile: int, stream: int) -> bool:
        self.profile = profile
        return True

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        least, _, most = self.engine.profile[name]
        assert least[0] <= shape[0] <= most[0], "outside of the profile"
        self.shapes[name] = shape
        return True

    def execute_async_v3(self, stream: int) -> bool:
        assert self.profile == 0
        rows = self.shapes["face"][0]
        assert self.shapes["head"] == (rows, 3)

        def work() -> None:
            face = self._array("face", (rows, 52), np.float32)
            frame = self._array("frame", (rows, *FRAME), np.uint8)
            frame[:] = face[:, :1, None, None].round()

        self.engine.trt.rt.enqueue(work)
        return True

    def _array(self, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
        memory = self.engine.trt.rt.memory[self.addresses[name]]
        count = int(np.prod(shape))
        assert count * np.dtype(dtype).itemsize <= ctypes.sizeof(memory)
        return np.frombuffer(memory, dtype, count).reshape(shape)
