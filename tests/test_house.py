"""The order of the house: tests for every module, honest ``__all__``, one-way dependencies."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("engine", "export", "server", "training")
# What stands below may be imported; engine/cli alone reaches further, inside its commands.
BELOW = {
    "engine": {"engine"},
    "export": {"engine", "export"},
    "server": {"engine", "server"},
    "training": {"engine", "export", "training"},
}
# What is only ever met over HTTP is tested over HTTP.
TESTED_IN = dict.fromkeys(
    (f"server/{part}.py" for part in ("keys", "limits", "problems", "routes", "sessions")),
    "tests/server/test_app.py",
)
HEAVY = {"torch", "mediapipe", "scipy", "onnx", "safetensors", "PIL"}


def modules(*rooms: str) -> list[Path]:
    found = sorted(p for room in rooms for p in (ROOT / room).rglob("*.py"))
    return [p for p in found if p.name not in ("__init__.py", "__main__.py")]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(node: ast.AST) -> set[str]:
    """First parts of the names of all modules imported below a node."""
    found = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            found |= {alias.name.split(".")[0] for alias in inner.names}
        elif isinstance(inner, ast.ImportFrom) and inner.module and not inner.level:
            found.add(inner.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", modules("engine", "export", "server"), ids=name)
def test_every_module_has_its_tests(path: Path) -> None:
    inside = path.relative_to(ROOT)
    own = f"tests/{inside.parent.as_posix()}/test_{inside.name}"
    tests = ROOT / TESTED_IN.get(inside.as_posix(), own)
    assert tests.is_file(), f"{name(path)} has no {tests.relative_to(ROOT)}"


@pytest.mark.parametrize("path", modules(*ROOMS), ids=name)
def test_all_is_honest(path: Path) -> None:
    """``__all__`` names what is defined here, all of it that has no underscore, in order."""
    module = tree(path)
    declared: list[str] | None = None
    defined: list[str] = []
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            if "__all__" in names:
                declared = ast.literal_eval(node.value) if node.value else None
            defined += sorted(names - {"__all__"})
    assert declared is not None, f"{name(path)} has no __all__"
    assert set(declared) <= set(defined), "names what is not there"
    assert len(declared) == len(set(declared)), "names something twice"


@pytest.mark.parametrize("path", modules(*ROOMS), ids=name)
def test_dependencies_point_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    module = tree(path)
    if path.parent == ROOT / "engine" / "cli":
        module.body = [n for n in module.body if not isinstance(n, ast.FunctionDef)]
    assert not (imported(module) & set(ROOMS)) - BELOW[room]


@pytest.mark.parametrize("path", modules("engine", "server"), ids=name)
def test_the_run_time_is_light(path: Path) -> None:
    assert not imported(tree(path)) & HEAVY
    if path.is_relative_to(ROOT / "engine"):
        assert not imported(tree(path)) & {"asyncio", "aiohttp", "aiortc"}


@pytest.mark.parametrize("path", modules(*ROOMS), ids=name)
def test_modules_are_documented_and_of_readable_size(path: Path) -> None:
    module = tree(path)
    assert ast.get_docstring(module), f"{name(path)} does not say what it is"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500
    for node in ast.walk(module):
        assert not isinstance(node, ast.Global), "state at module level"
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, "a bare except"


def test_nothing_large_is_committed() -> None:
    shipped = [p for room in ROOMS for p in (ROOT / room).rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in shipped if "__pycache__" not in p.parts) < 60 << 20
