"""Plans are found again by model, GPU, version and batch, and by nothing less."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.runtime.plans import PlanKey, Plans, default_folder

KEY = PlanKey.of(b"onnx", "NVIDIA H100 80GB HBM3", "11.4.0.106", 16)


def test_a_plan_is_kept_and_found(tmp_path: Path) -> None:
    plans = Plans(tmp_path / "cache")
    assert plans.find(KEY) is None
    assert plans.timings(KEY) == b""
    plans.keep(KEY, b"plan", b"timings")
    assert Plans(tmp_path / "cache").find(KEY) == b"plan"
    assert plans.timings(KEY) == b"timings"
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0, "nobody else may put a plan there"


@pytest.mark.parametrize(
    "other",
    [
        PlanKey.of(b"other", KEY.gpu, KEY.version, KEY.batch),
        replace(KEY, gpu="NVIDIA L4"),
        replace(KEY, version="11.4.0.107"),
        replace(KEY, batch=8),
    ],
    ids=["model", "gpu", "version", "batch"],
)
def test_what_differs_is_built_anew(other: PlanKey, tmp_path: Path) -> None:
    plans = Plans(tmp_path)
    plans.keep(KEY, b"plan", b"timings")
    assert plans.find(other) is None


def test_timings_are_of_a_gpu_and_a_version(tmp_path: Path) -> None:
    """Whatever the model: they are of kernels."""
    plans = Plans(tmp_path)
    plans.keep(KEY, b"plan", b"timings")
    assert plans.timings(PlanKey.of(b"other", KEY.gpu, KEY.version, 1)) == b"timings"
    assert plans.timings(replace(KEY, version="11.5.0.1")) == b""


def test_the_folder_is_a_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "avatar-engine" / "tensorrt"
