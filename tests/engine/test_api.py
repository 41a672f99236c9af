"""``from engine import ...`` as docs/python.md shows it: it runs, is light, and is typed.

The page's other examples are run by tests/docs.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

import engine
from tests.sounds import encoded, speech

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def run(code: str, folder: Path) -> str:
    """What a program of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False,
        timeout=60, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_example_is_ten_lines_and_makes_pictures(tmp_path: Path) -> None:
    encoded(tmp_path / "speech.wav", speech(0.4, 16000), 16000, "pcm_s16le")
    assert len(BLOCKS[0].strip().splitlines()) <= 10
    run(BLOCKS[0], tmp_path)
    made = sorted(p.name for p in tmp_path.glob("*.png"))
    assert made == [f"{n * 640:07}.png" for n in range(9)]
    assert cv2.imread(str(tmp_path / made[0])).shape == (512, 512, 3)


def test_importing_the_engine_is_light(tmp_path: Path) -> None:
    heavy = "{'cv2', 'onnxruntime', 'numpy', 'av', 'typer', 'tkinter', 'sounddevice'}"
    code = f"import sys, engine; print({heavy} & set(sys.modules), 'Avatar' in dir(engine))"
    assert run(code, tmp_path) == "set() True\n"


def test_every_name_is_there_and_known_to_type_checkers() -> None:
    tree = ast.parse(Path(engine.__file__).read_text(encoding="utf-8"))
    (typed, lazy) = (n for n in tree.body if isinstance(n, ast.If))
    told = {a.name: n.module for n in typed.body if isinstance(n, ast.ImportFrom) for a in n.names}
    home = next(n.value for n in lazy.body if isinstance(n, ast.Assign))
    assert {k: f"engine.{v}" for k, v in ast.literal_eval(home).items()} == told
    assert sorted(told) == sorted(engine.__all__)
    for name in engine.__all__:
        assert getattr(engine, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Puppet'"):
        engine.Puppet  # noqa: B018
