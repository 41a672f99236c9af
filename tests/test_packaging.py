"""What is installed: a light run time, one of two back ends, and all that is imported."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OURS = {"engine", "export", "server", "training"}
MODULES = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "pillow_heif": "pillow-heif",
    "skimage": "scikit-image",
    "cuda": "cuda-bindings",
    "tensorrt": "tensorrt-cu13",
}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ]", r, maxsplit=1)[0].lower() for r in requirements}


BASE = names(PROJECT["project"]["dependencies"])
EXTRAS = {k: names(v) for k, v in PROJECT["project"]["optional-dependencies"].items()}
EXTRAS["export"] = EXTRAS["export"] - {"avatar-engine"} | EXTRAS["photo"]


def imported(room: str) -> set[str]:
    """Packages that a folder's modules import, by the names under which they are installed."""
    found = set()
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return {MODULES.get(n, n).lower() for n in found - OURS - set(sys.stdlib_module_names)}


@pytest.mark.parametrize("room", ["engine", "server"])
def test_the_run_time_imports_what_it_declares(room: str) -> None:
    extras = ("preview", "camera", "tensorrt") if room == "engine" else ()
    optional = set().union(*(EXTRAS[name] for name in extras))
    assert imported(room) <= BASE | EXTRAS["cpu"] | optional


def test_export_imports_what_it_declares() -> None:
    assert imported("export") <= BASE | EXTRAS["cpu"] | EXTRAS["export"] | EXTRAS["heic"]


def test_export_builds_on_photo_and_photo_needs_no_torch() -> None:
    assert EXTRAS["photo"] <= EXTRAS["export"]
    assert not EXTRAS["photo"] & {"torch", "onnxscript", "safetensors"}


def test_nothing_is_declared_in_vain() -> None:
    assert not BASE - imported("engine") - imported("server")
    behind_others = {"onnxscript", "opencv-contrib-python"}  # used by torch.onnx, by mediapipe
    assert EXTRAS["export"] - behind_others <= imported("export")


def test_the_base_is_light() -> None:
    heavy = {"torch", "mediapipe", "onnx", "onnxruntime", "onnxruntime-gpu", "scipy"}
    assert not BASE & heavy


def test_the_two_back_ends_exclude_each_other() -> None:
    assert EXTRAS["cpu"] == {"onnxruntime"}
    assert EXTRAS["cuda"] == {"onnxruntime-gpu"}
    pair = {entry["extra"] for entry in PROJECT["tool"]["uv"]["conflicts"][0]}
    assert pair == {"cpu", "cuda"}
    for extra in ("photo", "export", "train", "dev"):
        assert not EXTRAS[extra] & {"onnxruntime", "onnxruntime-gpu"}


def test_every_opencv_is_below_five() -> None:
    """Both share one folder; mediapipe alone would take any."""
    project = PROJECT["project"]
    everything = sum(project["optional-dependencies"].values(), project["dependencies"])
    found = {r for r in everything if r.startswith("opencv")}
    assert len(found) == 2
    assert all(r.endswith(",<5") for r in found)


def test_licence_and_credits_are_there() -> None:
    for name in PROJECT["project"]["license-files"]:
        assert (ROOT / name).stat().st_size > 1000
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for source in ("ICT Face Model", "MediaPipe", "GRID", "speechocean762", "LibriSpeech",
                   "LJSpeech", "VCTK", "US-government"):  # fmt: skip
        assert source in notice
