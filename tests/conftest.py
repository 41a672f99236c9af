"""What all tests share: which ones can run here, and where the training data lie.

A test that can not run is skipped with the reason, never counted as passed.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

# Read once, when numpy and torch are first imported. On a busy machine more threads are slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--data",
        type=Path,
        default=ROOT.parent / "shared" / "data",
        help="folder of the training data, for the tests marked 'data'",
    )
    parser.addoption("--fuzz-examples", type=int, default=0, help="of each test in tests/fuzz")
    parser.addoption("--avatar", help="bundle for the browser tests, else the first built-in one")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Browser tests at the very end: the other process has nothing left to do then.
    items.sort(key=lambda item: (_against_the_clock(item.nodeid), "/browser/" in item.nodeid))
    missing = {
        "data": _missing_data(config.getoption("--data")),
        "export": _missing_modules("torch", "mediapipe"),
        "browser": _missing_modules("playwright") or _missing_chromium(),
        "gpu": _missing_gpu(),
    }
    for item in items:
        for marker, reason in missing.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"did not run: {reason}"))


def pytest_collection_finish() -> None:
    """What is loaded by now stays, and need not be looked through for garbage again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A module stays in one process; what runs against the clock comes last, one by one.

    With the marks of xdist 3.8 nothing is grouped under pytest 9.2 (pytest-dev/pytest-xdist#1386).
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "clock" if _against_the_clock(nodeid) else nodeid.partition("::")[0]

    return ByModule(config, log) if config.getoption("dist") == "loadscope" else None


def _against_the_clock(nodeid: str) -> bool:
    return _has_clock(nodeid.partition("::")[0])


@cache
def _has_clock(module: str) -> bool:
    """Asked of the text: the process that shares out the tests has not collected them."""
    return re.search(r"mark\.(browser|realtime)\b", (ROOT / module).read_text()) is not None


@pytest.fixture(scope="session")
def data(request: pytest.FixtureRequest) -> Path:
    """The folder of the training data; for tests marked ``data``."""
    folder: Path = request.config.getoption("--data")
    return folder


def _missing_data(folder: Path) -> str:
    return "" if folder.is_dir() else f"no data at {folder.name}, give --data"


def _missing_modules(*names: str) -> str:
    missing = [name for name in names if find_spec(name) is None]
    return f"{', '.join(missing)} not installed" if missing else ""


def _missing_chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return "" if found else "no chromium on the PATH"


def _missing_gpu() -> str:
    return "" if shutil.which("nvidia-smi") else "no CUDA device"
