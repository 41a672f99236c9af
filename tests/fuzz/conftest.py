"""Bad inputs, made by hypothesis: a few in the suite, many with ``make fuzz``.

    pytest tests/fuzz --fuzz-examples 3000

Every input has to end in one of our own errors or in success, within bounds, and leave nothing
behind. At the end of a run the numbers of inputs tried, of crashes and of leaks are printed.
"""

from __future__ import annotations

import gc
import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

IN_SUITE = 40


def pytest_configure(config: pytest.Config) -> None:
    asked = config.getoption("--fuzz-examples")
    settings.register_profile(
        "fuzz",
        max_examples=asked or IN_SUITE,
        derandomize=not asked,  # the suite is the same every time, a long run is not
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("fuzz")


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    """Count inputs here: under "tried", and those that were taken as good under "taken"."""
    counted: Counter[str] = Counter()
    yield counted
    request.node.user_properties += counted.items()


@pytest.fixture(autouse=True)
def _leaves_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    """Neither descriptors nor threads grow with the number of inputs."""
    before = _held()
    yield
    gc.collect()
    after = _held()
    for name, most in (("descriptors", 3), ("threads", 3)):
        if after[name] > before[name] + most:
            request.node.user_properties.append(("leaked", 1))
            pytest.fail(f"{name}: {before[name]} before, {after[name]} after")


def _held() -> dict[str, int]:
    folder = Path("/proc/self/fd")
    return {
        "descriptors": len(os.listdir(folder)) if folder.is_dir() else 0,
        "threads": threading.active_count(),
    }


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Sum up what the tests said of themselves, in whichever process they ran."""
    total: Counter[str] = Counter()
    for report in (r for reports in terminalreporter.stats.values() for r in reports):
        if getattr(report, "nodeid", "").startswith("tests/fuzz/"):
            total["crashes"] += report.failed and report.when == "call"
            if report.when == "teardown":
                total.update(dict(report.user_properties))
    if total["tried"]:
        terminalreporter.write_line(
            f"fuzzing: {total['tried']} inputs tried, {total['taken']} of them good ones; "
            f"{total['crashes']} crashes, {total['leaked']} leaks"
        )
