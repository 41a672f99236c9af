"""A folder as a reader has it who follows the documentation: a checkout, some files, a PATH.

The PATH holds stand-ins only (``stand_in``), which run the real programs where that can be done in
seconds, and a few programs of the system. So no command of the documentation runs unseen.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from engine.avatar import builtin_avatars
from tests.docs.pages import ROOT
from tests.docs.stand_in import STAND_INS
from tests.photos import builtin
from tests.sounds import encoded, speech

__all__ = ["Step", "Workshop", "workshop"]

# Programs of the system that do no harm and take no time.
_REAL = ("awk", "bash", "cat", "env", "ls", "mkdir", "openssl", "sh", "true")
_STAMPS = (".cpu", ".photo", ".torch", ".export", ".dev", ".train")
_LIMIT_S = 280.0


@dataclass(frozen=True)
class Step:
    """What a stand-in did. reason: why the command was not run, empty when it was."""

    command: str
    reason: str


@dataclass(frozen=True)
class Workshop:
    """folder: a checkout, in which commands are run."""

    folder: Path

    def run(self, script: str) -> tuple[subprocess.CompletedProcess[str], list[Step]]:
        """Run a block as it stands, and what its commands did."""
        record = self.folder / "record.jsonl"
        record.write_text("", encoding="utf-8")
        tools = self.folder / "tools"
        environment = {
            "PATH": str(tools),
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "WORKSHOP_RECORD": str(record),
            "WORKSHOP_RAN": str(self.folder / "ran.json"),
            "LANG": "C.UTF-8",
        } | {name: value for name, value in os.environ.items() if name.startswith(("OMP", "OPENB"))}
        shell = subprocess.Popen(
            [tools / "bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=self.folder, env=environment, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            out, err = shell.communicate(timeout=_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            raise
        steps = [Step(**json.loads(line)) for line in record.read_text().splitlines()]
        return subprocess.CompletedProcess(script, shell.returncode, out, err), steps


def workshop(folder: Path) -> Workshop:
    """Set it up: the files that the documentation speaks of, and the tools."""
    for entry in ROOT.iterdir():
        if entry.name not in (".git", ".venv", "runs", "out", "shared"):
            (folder / entry.name).symlink_to(entry)
    Image.fromarray(builtin("jonas")).save(folder / "me.jpg", quality=95)
    (folder / "me.mp4").write_bytes(b"")  # videos are not read here, see NOT_RUN
    for sound in ("speech.wav", "in.wav"):
        encoded(folder / sound, speech(0.6, 16000), 16000, "pcm_s16le")
    shutil.copy(builtin_avatars()["amara"], folder / "me.avatar")
    tools, venv = folder / "tools", folder / ".venv" / "bin"
    tools.mkdir()
    venv.mkdir(parents=True)
    for program in _REAL:
        if found := shutil.which(program):
            (tools / program).symlink_to(found)
    for program in STAND_INS:
        script = f'#!/bin/sh\nexec {sys.executable} -m tests.docs.stand_in {program} "$@"\n'
        for place in (tools, venv):
            (place / program).write_text(script, encoding="utf-8")
            (place / program).chmod(0o755)
    (folder / "ran.json").write_text("{}", encoding="utf-8")
    (venv / "activate").write_text('PATH="$PWD/.venv/bin:$PATH"\n', encoding="utf-8")
    for stamp in _STAMPS:  # make takes all of it for installed
        (venv.parent / stamp).touch()
    return Workshop(folder)
