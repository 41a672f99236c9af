"""Devices by name, and which NVIDIA GPU is here as its driver says: without CUDA's libraries."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Device", "Gpu", "find_gpu"]

_WITHIN_S = 10


class Device(StrEnum):
    """auto: the GPU where avatar and machine are ready for it, else the CPU."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    tensorrt = "tensorrt"


@dataclass(frozen=True)
class Gpu:
    """memory_mb: all of it, whoever uses it now."""

    name: str
    driver: str
    memory_mb: int


def find_gpu() -> Gpu | str:
    """The first one, or why there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "no NVIDIA driver: nvidia-smi is not there"
    fields = "name,driver_version,memory.total"
    try:
        told = subprocess.run(
            [tool, f"--query-gpu={fields}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=_WITHIN_S,
            check=True,
        ).stdout
        name, driver, memory = (part.strip() for part in told.splitlines()[0].split(","))
        return Gpu(name, driver, int(float(memory)))
    except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
        return f"the NVIDIA driver does not answer: {error}"
