"""TensorRT plans on disk: each belongs to one model, one GPU and one version of TensorRT.

A plan is machine code. It is kept where only this user writes, and is built again rather than
trusted when anything in its key differs. The timing cache, what the builder measured of kernels,
is kept beside the plans and shared by all of one GPU and version: it makes later builds short.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from engine.output import written_whole

__all__ = ["PlanKey", "Plans", "default_folder"]


@dataclass(frozen=True)
class PlanKey:
    """model: sha256 of the ONNX file. gpu: its name. version: of TensorRT, all four numbers.
    batch: the largest one that the plan takes."""

    model: str
    gpu: str
    version: str
    batch: int

    @staticmethod
    def of(model: bytes, gpu: str, version: str, batch: int) -> PlanKey:
        """Of an ONNX file's bytes."""
        return PlanKey(hashlib.sha256(model).hexdigest(), gpu, version, batch)

    @property
    def kernels(self) -> str:
        """What timings depend on, as part of a file's name."""
        return re.sub(r"[^A-Za-z0-9.]+", "-", f"{self.gpu}-{self.version}")


def default_folder() -> Path:
    """After the XDG base directory specification: a cache, free to be deleted."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "avatar-engine" / "tensorrt"


class Plans:
    """The folder of them; it need not exist yet."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or default_folder()

    def find(self, key: PlanKey) -> bytes | None:
        """The plan, or None where it has to be built."""
        return _read(self._path(key))

    def timings(self, key: PlanKey) -> bytes:
        """The timing cache of this GPU and version, empty at first."""
        return _read(self._folder / f"{key.kernels}.timings") or b""

    def keep(self, key: PlanKey, plan: bytes, timings: bytes) -> None:
        """Written beside and renamed: two processes that build the same one do no harm."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, data in (
            (self._path(key), plan),
            (self._folder / f"{key.kernels}.timings", timings),
        ):
            with written_whole(path) as partial:
                partial.write_bytes(data)

    def _path(self, key: PlanKey) -> Path:
        return self._folder / f"{key.model[:32]}-{key.kernels}-b{key.batch}.plan"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
