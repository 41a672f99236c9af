"""Programs on the PATH of those who follow the documentation, for its tests.

Each runs the real program, on a free port and for a moment where that one would stay. What takes
hours, a network, root, a camera or a sound card is not run: ``NOT_RUN`` says why, and the command
is held against the real parser, the Makefile or the package's extras instead.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["NOT_RUN", "STAND_INS", "Unknown", "known_make", "known_module", "main"]

ROOT = Path(__file__).resolve().parents[2]
NETWORK = "needs a network; its extras and pins are compared with pyproject.toml and the Makefile"
HOURS = "takes hours and the training data; target, variables and modules are checked"
SUITE = "is the test suite, or installs things; target and variables are checked"
LIVE = "takes minutes on a quiet machine; target, variables and options are checked"
SYSTEM = "changes the system it runs on, or needs one that is not this: not looked at"
# What is checked but not run: why.
NOT_RUN = {
    "engine export VIDEO": "takes many minutes; the options are parsed, tests/export has videos",
    "engine --device": "needs a GPU; the options are parsed",
    "engine export --generator": "nobody ships the weights; the options are parsed",
    "engine export --precision": "takes minutes of tracing; the options are parsed",
    "engine export best": "takes minutes: run at quality fast instead",
    "engine preview": "needs a window and a microphone; parsed, and run in tests/engine/preview",
    "pip": NETWORK,
    "git clone": "needs a network",
    "make audit": NETWORK,
    "make basis": HOURS,
    "make bench-gpu": "needs a GPU; target and variables are checked",
    "make builtin-avatars": HOURS,
    "make check": SUITE,
    "make clean": "would remove what the tests run in",
    "make evaluate-generator": HOURS,
    "make evaluate-paper": HOURS,
    "make evaluate-speech": HOURS,
    "make fuzz": LIVE,
    "make lint": SUITE,
    "make load": LIVE,
    "make measure-live": LIVE,
    "make release": "rewrites manifests in the checkout; the target is checked",
    "make template": HOURS,
    "make test": SUITE,
    "make tools": SUITE,
    "make train-generator": HOURS,
    "make train-paper": HOURS,
    "make train-speech": HOURS,
    "python -m training": HOURS,
    **dict.fromkeys(("apt", "apt-get", "brew", "modprobe", "pactl", "sudo", "winget"), SYSTEM),
}
_STAYS_S = 120.0  # at most, to become ready and to end: seconds where the machine is not busy


class Unknown(Exception):
    """A command that is neither run nor checked here, or one that is wrong. Says what to do."""


def engine(words: Sequence[str]) -> str:
    """Every command of ours: parsed first, so that a wrong one is refused by its own words."""
    from tests.engine.cli.calls import parse  # half a second, which most programs do without

    name = parse(shlex.join(["engine", *words]))
    if name == "serve":
        return _served(words)
    if "--device" in words:
        return NOT_RUN["engine --device"]
    if name == "preview":
        return NOT_RUN["engine preview"]
    if name == "export":
        if words[words.index("--identity") + 1].endswith(".mp4"):
            return NOT_RUN["engine export VIDEO"]
        for option in ("--generator", "--precision"):
            if option in words:
                return NOT_RUN[f"engine export {option}"]
        if not {"fast", "--check"} & {*words}:
            others = [word for word in words if word not in ("--quality", "best")]
            _call([*_STAND_IN, "engine", *others, "--quality", "fast"])
            return NOT_RUN["engine export best"]
    few = ["--frames", "10"] if name == "bench" else []
    _call([*_ENGINE, *words, *few])
    return ""


def make(words: Sequence[str]) -> str:
    """Run where it is quick; else a dry run, whose modules are looked at."""
    known_make(words)
    target = next((word for word in words if "=" not in word), "help")
    command = [shutil.which("make", path=os.defpath) or "make", "--no-print-directory", *words]
    if target in ("help", "serve", "avatar", "bench"):
        _call(command)
        return ""
    if f"make {target}" not in NOT_RUN:
        raise Unknown(
            f"`make {target}` is new: let tests/docs/stand_in.py run it, or say in NOT_RUN why not"
        )
    for line in _call([*command, "--dry-run"]).splitlines():
        if match := re.search(r"bin/python (-m [\w.]+.*)", line):
            known_module(shlex.split(match[1].rstrip("\\")))
    return NOT_RUN[f"make {target}"]


def known_make(words: Sequence[str]) -> None:
    """Raises Unknown for targets and variables that the Makefile does not have."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        name, sets, _ = word.partition("=")
        if sets and not re.search(rf"\$\((?:\w+ )?{name}\b", text):
            raise Unknown(f"the Makefile has no variable {name}, see `make {shlex.join(words)}`")
        if not sets and not re.search(rf"^{re.escape(name)}:.*## ", text, re.M):
            raise Unknown(f"the Makefile has no target {name}, see `make {shlex.join(words)}`")


def python(words: Sequence[str]) -> str:
    """``python -m`` a module of ours, looked at and not run."""
    if words[:2] == ["-m", "engine.cli"]:
        return engine(words[2:])
    known_module(words)
    return NOT_RUN["python -m training"]


def known_module(words: Sequence[str]) -> None:
    """Raises Unknown for a module that is not here, or an option that it does not have."""
    if len(words) < 2 or words[0] != "-m":
        raise Unknown(f"`python {shlex.join(words)}`: only modules of ours, with -m, are known")
    module = ROOT / Path(*words[1].split("."))
    files = (module.with_suffix(".py"), module / "__main__.py")
    source = next((file.read_text(encoding="utf-8") for file in files if file.is_file()), None)
    if source is None:
        if words[1] in ("pytest", "pip"):
            return
        raise Unknown(f"there is no module {words[1]} to run")
    for word in words[2:]:
        option = word.partition("=")[0]
        if option.startswith("--") and f'"{option}"' not in source:
            raise Unknown(f"{words[1]} has no option {option}")


def pip(words: Sequence[str]) -> str:
    """Installs nothing: extras have to exist, and a pin has to be the Makefile's."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        if match := re.search(r"^(?:\.|avatar-engine)\[(.+)\]$", word):
            lacking = set(match[1].split(",")) - set(project["optional-dependencies"])
            if lacking:
                raise Unknown(f"pyproject.toml has no extra {', '.join(sorted(lacking))}")
        elif word.startswith("torch==") and word not in pins:
            raise Unknown(f"the Makefile does not pin {word}")
    return NETWORK


def git(words: Sequence[str]) -> str:
    if words[0] != "clone":
        raise Unknown(f"`git {words[0]}` is new: say in tests/docs/stand_in.py what to do with it")
    return NOT_RUN["git clone"]


def system(words: Sequence[str]) -> str:
    return SYSTEM


STAND_INS: dict[str, Callable[[Sequence[str]], str]] = {
    **{name: system for name, reason in NOT_RUN.items() if reason is SYSTEM},
    "engine": engine,
    "git": git,
    "make": make,
    "pip": pip,
    "python": python,
}
_ENGINE = (sys.executable, "-m", "engine.cli")
_STAND_IN = (sys.executable, "-m", "tests.docs.stand_in")


def _call(command: Sequence[str]) -> str:
    """Run to its end, output passed on and returned. Ends this program when it failed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout


def _served(words: Sequence[str]) -> str:
    """Start the server on a free port, ask for /healthz as a browser would, stop it by Ctrl-C."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    moved = [*words]
    if "--port" in moved:
        at = moved.index("--port")
        del moved[at : at + 2]
    server = subprocess.Popen(
        [*_ENGINE, *moved, "--port", str(port)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        ready = server.stdout.readline()
        if not ready.startswith("Ready: "):
            raise Unknown(f"`engine {shlex.join(words)}` did not become ready: {ready}")
        sys.stdout.write(ready)
        _healthy(urlsplit(ready.removeprefix("Ready: ").strip()).hostname or "", port, words)
        server.send_signal(signal.SIGINT)
        if server.wait(_STAYS_S):
            raise Unknown(f"`engine {shlex.join(words)}` ended with {server.returncode}")
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    return ""


def _healthy(host: str, port: int, words: Sequence[str]) -> None:
    import http.client
    import ssl

    address, wait = "127.0.0.1", _STAYS_S
    if "--tls" in words:
        secure = ssl._create_unverified_context()  # its certificate was signed by itself
        asked: http.client.HTTPConnection = http.client.HTTPSConnection(
            address, port, timeout=wait, context=secure
        )
    else:
        asked = http.client.HTTPConnection(address, port, timeout=wait)
    asked.request("GET", "/healthz", headers={"Host": host})
    answer = asked.getresponse()
    if answer.status != 200 or json.loads(answer.read())["status"] != "ok":
        raise Unknown(f"/healthz answers {answer.status} under {host}")
    asked.close()


def main() -> None:
    """``python -m tests.docs.stand_in PROGRAM ARGUMENT...``"""
    program, *words = sys.argv[1:]
    record, ran = (Path(os.environ[name]) for name in ("WORKSHOP_RECORD", "WORKSHOP_RAN"))
    settings = sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith("AVATAR_"))
    command = shlex.join([*settings, program, *words])
    known = json.loads(ran.read_text(encoding="utf-8"))
    if command not in known:  # what ran well in this folder runs well again
        try:
            known[command] = STAND_INS[program](words)
        except Unknown as error:
            sys.stderr.write(f"{error}\n")
            raise SystemExit(3) from None
        known |= json.loads(ran.read_text(encoding="utf-8"))  # make has called others meanwhile
        ran.write_text(json.dumps(known), encoding="utf-8")
    with record.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"command": command, "reason": known[command]}) + "\n")


if __name__ == "__main__":
    main()
