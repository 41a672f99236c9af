"""What all tests share: which ones can run here, and where the training data lie.

A test that can not run is skipped with the reason, never counted as passed.
"""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

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


@pytest.hookimpl(tryfirst=True)  # before xdist, which reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _share_out(config, items)
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


def _share_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Modules go to several processes; what runs against the clock comes last, one by one."""
    items.sort(key=_against_the_clock)
    if config.getoption("dist", "no") != "no":
        for item in items:
            group = "clock" if _against_the_clock(item) else item.nodeid.partition("::")[0]
            item.add_marker(pytest.mark.xdist_group(group))


def _against_the_clock(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(marker) for marker in ("browser", "realtime"))


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
