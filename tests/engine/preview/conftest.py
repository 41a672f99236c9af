"""A screen that nobody sees, for the tests of the window."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import tkinter

    from engine.preview.theme import Theme


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """An Xvfb of our own; where it or Tk is missing, the test says that it did not run."""
    if find_spec("_tkinter") is None:
        pytest.skip("did not run: this Python has no tkinter")
    if shutil.which("Xvfb") is None:
        pytest.skip("did not run: no Xvfb on the PATH")
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1200x900x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    name = f":{server.stdout.readline().strip()}"
    before = os.environ.get("DISPLAY")
    os.environ["DISPLAY"] = name
    yield name
    if before is None:
        del os.environ["DISPLAY"]
    else:
        os.environ["DISPLAY"] = before
    server.terminate()
    server.wait(10)


@pytest.fixture
def theme(display: str) -> Iterator[Theme]:
    """The light one, in a window of its own."""
    import tkinter

    from engine.preview.theme import LIGHT, Theme

    window = tkinter.Tk()
    yield Theme(window, LIGHT)
    window.destroy()


@pytest.fixture
def root(theme: Theme) -> tkinter.Misc:
    """That window."""
    import tkinter

    return tkinter._get_default_root()  # type: ignore[attr-defined, no-any-return]
