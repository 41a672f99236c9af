"""Read the pickles that generators come in, and execute nothing of them.

NVIDIA's files carry Python source, which loading them would run. Here a module comes back as its
class's name and its attributes, and tensors are made of the numbers that lie beside them;
``export.generator.stack_machine`` refuses the rest.

Formats: NVIDIA's ``.pkl`` (a plain pickle whose tensors lie in torch's file format of before 1.6),
and a whole generator saved by torch (a zip with ``data.pkl``), as pivotal tuning writes it.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.generator.stack_machine import DAMAGED, Name, Refused, StackMachine

__all__ = ["PickledModule", "names_in", "read_pickle", "read_torch_zip"]

_STORAGES = {
    "torch FloatStorage": "<f4",
    "torch DoubleStorage": "<f8",
    "torch HalfStorage": "<f2",
    "torch LongStorage": "<i8",
    "torch IntStorage": "<i4",
    "torch BoolStorage": "?",
    "torch ByteStorage": "u1",
}
_NUMBERS = ("f8", "f4", "f2", "i8", "i4", "b1", "u1")
_LEGACY = [0x1950A86A20F9469CFC6C, 1001]  # magic number and protocol
_MOST_MODULES, _LONGEST_NAME = 10_000, 200

Numbers = NDArray[Any]


@dataclass(frozen=True)
class PickledModule:
    """A ``torch.nn.Module`` as it lies in the file. state: its attributes."""

    class_name: str
    state: dict[Any, Any] = field(repr=False)

    def arguments(self) -> dict[str, Any]:
        """What it was made with, by keyword."""
        return _named(self.state, "_init_kwargs")

    def tensors(self) -> dict[str, Tensor]:
        """Its state dict: parameters and buffers of it and of all modules in it. Raises Refused."""
        found: dict[str, Tensor] = {}
        pending, visited = [("", self)], 0
        while pending:
            prefix, module = pending.pop()
            visited += 1
            if visited > _MOST_MODULES or len(prefix) > _LONGEST_NAME:
                raise Refused("modules in modules without end")
            for kind in ("_parameters", "_buffers"):
                for name, value in _named(module.state, kind).items():
                    if isinstance(value, Tensor):
                        found[prefix + name] = value
            for name, inner in _named(module.state, "_modules").items():
                if isinstance(inner, PickledModule):
                    pending.append((f"{prefix}{name}.", inner))
        return found


def _named(state: dict[Any, Any], key: str) -> dict[str, Any]:
    value = state.get(key)
    return {k: v for k, v in value.items() if isinstance(k, str)} if isinstance(value, dict) else {}


def read_pickle(file: BinaryIO) -> object:
    """The one object of NVIDIA's ``.pkl``. Raises Refused."""

    def outside(identity: object) -> object:
        raise Refused("a tensor that lies outside of the file")

    return _machine(outside).run(file)


def read_torch_zip(path: Path) -> object:
    """The object of a zip that ``torch.save`` wrote. Raises Refused."""
    with _Archive(path) as archive:

        def stored(identity: object) -> Numbers:
            dtype, key, count = _identified(identity)
            return _exactly(np.frombuffer(archive.member(f"data/{key}"), dtype), count)

        return _machine(stored).run(io.BytesIO(archive.member("data.pkl")))


def names_in(path: Path) -> bytes:
    """The ``data.pkl`` of a zip that ``torch.save`` wrote, to look for names in. Raises Refused."""
    with _Archive(path) as archive:
        return archive.member("data.pkl")


class _Archive:
    """A zip as torch writes it: one folder, nothing compressed, little-endian."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise Refused(f"a damaged archive ({error})") from error
        self._members = {info.filename: info for info in self._zip.infolist()}
        roots = [n for n in self._members if n.count("/") == 1 and n.endswith("/data.pkl")]
        if len(roots) != 1:
            self._zip.close()
            raise Refused("an archive that torch has not written")
        self._folder = roots[0].removesuffix("data.pkl")

    def __enter__(self) -> _Archive:
        if f"{self._folder}byteorder" in self._members and self.member("byteorder") != b"little":
            raise Refused("numbers in big-endian order")
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def member(self, name: str) -> bytes:
        info = self._members.get(self._folder + name)
        if info is None or info.compress_type != zipfile.ZIP_STORED:
            raise Refused("an archive without its tensors")
        try:
            return self._zip.read(info)
        except Exception as error:  # zipfile lets through whatever it stumbles over
            raise Refused(f"a damaged archive ({error})") from error


def _machine(stored: Callable[[object], object]) -> StackMachine:
    names = frozenset({"numpy ndarray", *_STORAGES})
    return StackMachine(_CALLS, names, frozenset({"dnnlib.util EasyDict"}), stored)


# -- tensors --------------------------------------------------------------------------------------


def _identified(identity: object) -> tuple[str, str, int]:
    """dtype, key and count of ``("storage", class, key, place, count)``."""
    match identity:
        case ("storage", Name(storage), str(key), str(), int(count), *_) if storage in _STORAGES:
            return _STORAGES[storage], key, count
    raise Refused("a reference to something outside that is no tensor")


def _exactly(numbers: Numbers, count: int) -> Numbers:
    if len(numbers) != count:
        raise Refused("a tensor that is shorter than it says")
    return numbers


def _legacy_storage(data: Any) -> Numbers:
    """torch's file format of before 1.6 around the numbers of one tensor: five pickles, then they.

    The identity comes before the numbers, so it is kept until these have been read.
    """
    if not isinstance(data, bytes):
        raise Refused(DAMAGED)
    file = io.BytesIO(data)
    kept: list[tuple[str, str, int]] = []

    def later(identity: object) -> object:
        kept.append(_identified(identity))
        return None

    header = [_machine(later).run(file) for _ in range(5)]
    known = all(isinstance(h, int) for h in header[:2]) and header[:2] == _LEGACY
    if not known or len(kept) != 1:
        raise Refused("numbers in an unknown format")
    dtype, _, count = kept[0]
    if int.from_bytes(file.read(8), "little", signed=True) != count:
        raise Refused("a tensor that is shorter than it says")
    size = np.dtype(dtype).itemsize
    return _exactly(np.frombuffer(file.read(max(count, 0) * size), dtype), count)


def _tensor(numbers: Any, offset: Any, size: Any, stride: Any, *_: object) -> Tensor:
    if not isinstance(numbers, np.ndarray) or not all(
        isinstance(x, tuple) and all(isinstance(n, int) and n >= 0 for n in x)
        for x in ((offset,), size, stride)
    ):
        raise Refused("a tensor of an impossible shape")
    count = math.prod(size)
    end = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) + 1
    # No more numbers than there are: strides of 0 would make gigabytes of a few bytes.
    if count > numbers.size or (count and end > numbers.size):
        raise Refused("a tensor that is larger than its numbers")
    steps = [s * numbers.itemsize for s in stride]
    view = np.lib.stride_tricks.as_strided(numbers[offset:], size, steps, writeable=False)
    return torch.from_numpy(view.copy())


def _parameter(tensor: Any, *_: object) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise Refused("a parameter that is no tensor")
    return tensor


# -- modules and what hangs on them ---------------------------------------------------------------


def _module(meta: Any) -> PickledModule:
    """The source text beside the state is left where it is."""
    state, name = meta["state"], meta["class_name"]
    if not isinstance(state, dict) or not isinstance(name, str):
        raise Refused("a module of an unknown layout")
    return PickledModule(name, state)


def _ordered(items: Any = ()) -> dict[str, Any]:
    made = {}
    for key, value in items:
        if not isinstance(key, str):
            raise Refused("a dict with keys of an unknown kind")
        made[key] = value
    return made


@dataclass(frozen=True)
class _NumpyType:
    code: str

    def fill(self, state: Any) -> None:
        """Byte order and layout; files are little-endian."""
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", "|"):
            raise Refused("numbers in big-endian order")


def _numpy_type(code: Any, *_: object) -> _NumpyType:
    if not isinstance(code, str) or code not in _NUMBERS:
        raise Refused("numbers of an unknown kind")
    return _NumpyType(code)


def _scalar(kind: Any, data: Any) -> float | int | bool:
    number: float | int | bool = _exactly(np.frombuffer(data, kind.code), 1)[0].item()
    return number


@dataclass
class _NumpyArray:
    """An array, of no use here: sizes follow from the resolution."""

    def fill(self, state: object) -> None:
        """Left."""


def _array(*_: object) -> _NumpyArray:
    return _NumpyArray()


def _encoded(text: Any, codec: Any) -> bytes:
    """How protocol 2 writes bytes."""
    if not isinstance(text, str) or codec != "latin1":
        raise Refused("text in an unknown encoding")
    return text.encode("latin1")


def _set(items: Any = ()) -> list[Any]:
    """Sets name buffers; a list needs no hashes."""
    if not isinstance(items, list | tuple):
        raise Refused(DAMAGED)
    return list(items)


_CALLS: dict[str, Callable[..., Any]] = {
    "torch_utils.persistence _reconstruct_persistent_obj": _module,
    "collections OrderedDict": _ordered,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_parameter": _parameter,
    "torch.storage _load_from_bytes": _legacy_storage,
    "numpy dtype": _numpy_type,
    "_codecs encode": _encoded,
    "__builtin__ set": _set,
    "builtins set": _set,
}
for _package in ("numpy.core", "numpy._core"):
    _CALLS[f"{_package}.multiarray scalar"] = _scalar
    _CALLS[f"{_package}.multiarray _reconstruct"] = _array
    _CALLS[f"{_package}.numeric _frombuffer"] = _array  # protocol 5
