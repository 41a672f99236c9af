"""Modules and tensors out of pickles, as their makers write them and as an attacker might."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from export.generator.pickles import (  # noqa: E402
    PickledModule,
    names_in,
    read_pickle,
    read_torch_zip,
)
from export.generator.stack_machine import Refused  # noqa: E402
from tests import generator_files as files  # noqa: E402

pytestmark = pytest.mark.export


def read(value: Any, protocol: int = 4) -> Any:
    with files.makers():
        return read_pickle(io.BytesIO(pickle.dumps(value, protocol)))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6.0).view(2, 3),
        torch.arange(12.0).view(3, 4)[1:, ::2],
        torch.arange(6.0).view(2, 3).T,
        torch.tensor(3.0),
        torch.zeros(0, 4),
        torch.ones(3, dtype=torch.float16),
        torch.ones(3, dtype=torch.float64),
        torch.tensor([1, -2]),
        torch.tensor([True, False]),
    ],
    ids=lambda t: f"{tuple(t.shape)} {t.dtype}",
)
def test_tensors_come_back(tensor: Any, protocol: int, tmp_path: Path) -> None:
    again = read({"x": tensor}, protocol)["x"]
    assert torch.equal(again, tensor)
    assert again.dtype == tensor.dtype
    torch.save({"x": tensor}, tmp_path / "a.pt")
    assert torch.equal(read_torch_zip(tmp_path / "a.pt")["x"], tensor)  # type: ignore[index]


def test_a_module_is_its_name_and_its_tensors() -> None:
    tensors = {"w_avg": torch.ones(2), "fc0.weight": torch.eye(2), "fc0.a.b.bias": torch.zeros(1)}
    module = read(files.module("MappingNetwork", tensors, _init_kwargs={"z_dim": 3}))
    assert isinstance(module, PickledModule)
    assert module.class_name == "MappingNetwork"
    assert module.arguments() == {"z_dim": 3}
    found = module.tensors()
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[k], v) for k, v in tensors.items())
    assert module.state["act_gain"] == pytest.approx(2**0.5)


def test_names_of_an_archive_can_be_looked_for(tmp_path: Path) -> None:
    path = files.write_tuned(tmp_path / "a.pt", files.module("Generator", {"w": torch.ones(1)}))
    assert b"_reconstruct_persistent_obj" in names_in(path)


def chain(length: int, width: int) -> files.Persistent:
    """Modules that hold the next one ``width`` times."""
    module = files.module("Last", {})
    for _ in range(length):
        inside = {f"part{k}": module for k in range(width)}
        module = files.Persistent("Generator", {"_modules": inside})
    return module


@pytest.mark.parametrize(("length", "width"), [(30, 2), (60, 1)])
def test_modules_without_end_are_refused(length: int, width: int) -> None:
    module = read(chain(length, width))
    with pytest.raises(Refused, match="without end"):
        module.tensors()


class Reduced:
    """Reduces to whatever it is told."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call, self.arguments


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (1 << 40,), (0,)),
        (0, (5,), (1,)),
        (2, (3,), (1,)),
        (-1, (2,), (1,)),
        (0, (-2,), (1,)),
        (0, (2, 2), (1,)),
        (0, (2,), (1 << 60,)),
        (0, ((1, 1),), (1,)),
    ],
)
def test_tensors_larger_than_their_numbers_are_refused(offset: Any, size: Any, stride: Any) -> None:
    storage = torch.arange(4.0).untyped_storage()
    typed = torch.storage.TypedStorage(wrap_storage=storage, dtype=torch.float32, _internal=True)
    hostile = Reduced(torch._utils._rebuild_tensor_v2, typed, offset, size, stride, False, {})
    with pytest.raises(Refused):
        read(hostile)


def rewritten(path: Path, change: Any) -> Path:
    """An archive with other members. change: name and content to both, or to None."""
    again = path.with_name("again.pt")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(again, "w") as new:
        for name in old.namelist():
            changed = change(name, old.read(name))
            if changed:
                new.writestr(*changed)
    return again


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"x": torch.arange(100.0)}, path)
    changes = {
        "shorter": lambda n, d: (n, d[:-4] if "data/" in n else d),
        "tensors": lambda n, d: None if "data/" in n else (n, d),
        "written": lambda n, d: None if n.endswith("data.pkl") else (n, d),
        "big-endian": lambda n, d: (n, b"big" if n.endswith("byteorder") else d),
    }
    for words, change in changes.items():
        with pytest.raises(Refused, match=words):
            read_torch_zip(rewritten(path, change))
    whole = path.read_bytes()
    for share in (0.2, 0.5, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(Refused):
            read_torch_zip(path)


def test_big_endian_numbers_are_refused() -> None:
    with pytest.raises(Refused, match="big-endian"):
        read(np.dtype(">f8"))
