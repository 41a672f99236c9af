"""Every fenced block of the documentation does what it says.

``sh`` is run, in a folder as a reader has it (``workshop``); what can not be run here is checked,
and ``stand_in.NOT_RUN`` says why. ``python`` is run as written, ``json`` is read, the systemd
unit's command is parsed. A block of another kind, or a command that nobody knows, fails.
"""

from __future__ import annotations

import configparser
import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs import stand_in
from tests.docs.pages import PAGES, Block, blocks, name
from tests.docs.workshop import Workshop, workshop
from tests.engine.cli.calls import parse

BLOCKS = [block for page in PAGES for block in blocks(page)]
# Read by people, not by programs of ours.
OTHERS = {
    "nginx": "needs nginx; only `engine serve --public-url` is ours, and is tested in tests/server",
    "conf": "needs coturn",
    "text": "output or a drawing",
}
# What is run in a test of its own, or read in another one.
KNOWN = {"sh", "python", "json", "ini", *OTHERS}
COMMANDS = ("$ ", "engine ", "make ", "pip ", "python ", "curl ", "git ", "sudo ")


def of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return workshop(tmp_path_factory.mktemp("workshop"))


@pytest.mark.parametrize("block", of("sh"), ids=str)
def test_commands(block: Block, checkout: Workshop) -> None:
    if re.search(r"engine export|make avatar", block.text) and find_spec("mediapipe") is None:
        pytest.skip("did not run: mediapipe not installed")
    done, steps = checkout.run(block.text)
    if missing := re.search(r"(\S+): command not found", done.stderr):
        pytest.fail(
            f"{block}: nobody knows what to do with `{missing[1]}`. Let tests/docs/stand_in.py run "
            "it, or check it and say in NOT_RUN why it is not run."
        )
    assert done.returncode == 0, f"{block} fails:\n{done.stdout}{done.stderr}"
    assert steps or "engine" not in block.text, f"{block}: no command of ours was met"


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_python(block: Block, checkout: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout.folder)
    exec(compile(block.text, str(block), "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("block", of("json"), ids=str)
def test_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", of("ini"), ids=str)
def test_units_of_systemd(block: Block) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read_string(block.text)
    command = unit["Service"]["ExecStart"]
    assert parse(command[command.index("engine ") :]) == "serve"


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    for block in BLOCKS:
        assert block.language in KNOWN, (
            f"{block} is of kind {block.language!r}, expected one of {', '.join(sorted(KNOWN))}: "
            "name its kind after the fence, or teach tests/docs/test_commands.py the new one"
        )


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_command_stands_in_an_indented_block(page: Path) -> None:
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("    ") and line.strip().startswith(COMMANDS):
            inside = any(b.page == page and b.line <= number < b.line + b.text.count("\n") + 1
                         for b in BLOCKS)  # fmt: skip
            assert inside, f"{name(page)}:{number}: put commands in a fenced `sh` block"


def test_no_reason_is_given_for_what_is_not_there() -> None:
    """NOT_RUN names targets of the Makefile; one that is gone goes from there as well."""
    for command in stand_in.NOT_RUN:
        program, _, target = command.partition(" ")
        if program == "make":
            stand_in.known_make([target])


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("engine serve --hots localhost", "--hots"),
        ("engine sing", "no command like"),
        ("engine info lost.avatar", "lost.avatar"),
        ("make dinner", "no target dinner"),
        ("make serve PROT=1", "no variable PROT"),
        ("pip install '.[cpu,gold]'", "no extra gold"),
        ("pip install torch==1.0", "does not pin torch==1.0"),
        ("python -m training.luck", "no module training.luck"),
        ("python -m training.evaluate_video --never", "no option --never"),
        ("true && sing", "sing: command not found"),
    ],
)
def test_what_is_wrong_is_found(script: str, says: str, checkout: Workshop) -> None:
    done, _ = checkout.run(script)
    assert done.returncode != 0
    assert says in done.stderr
