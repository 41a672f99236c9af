"""Run a command within bounds of memory, time and file size: for what decodes strangers' files.

    python -m server.confined --memory-mb 6000 --cpu-s 3600 --file-mb 256 -- COMMAND ...

Sets the limits (setrlimit, POSIX) and becomes the command, so they can not be undone from within.
A decoder that is made to ask for more gets an error instead of the server's memory, and one that is
made to run for ever is killed by the kernel.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["CORES", "Bounds", "environment", "main"]

CORES = os.cpu_count() or 2

_MB = 1 << 20
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Bounds:
    """memory_mb: of address space, which libraries reserve more of than they use.
    cpu_s: processor time of all threads. file_mb: of any one file written.
    """

    memory_mb: int
    cpu_s: int
    file_mb: int

    def around(self, command: Sequence[str]) -> list[str]:
        """The command line that runs ``command`` within these."""
        return [
            sys.executable, "-m", "server.confined", "--memory-mb", str(self.memory_mb),
            "--cpu-s", str(self.cpu_s), "--file-mb", str(self.file_mb), "--", *command,
        ]  # fmt: skip

    def set(self) -> None:
        """Of this process, for good. What the system allows less of stays as it is."""
        for kind, limit in (
            (resource.RLIMIT_AS, self.memory_mb * _MB),
            (resource.RLIMIT_CPU, self.cpu_s),
            (resource.RLIMIT_FSIZE, self.file_mb * _MB),
            (resource.RLIMIT_CORE, 0),
        ):
            _, most = resource.getrlimit(kind)
            least = limit if most == resource.RLIM_INFINITY else min(limit, most)
            resource.setrlimit(kind, (least, least))


def environment() -> dict[str, str]:
    """Of the server, without its secrets, and with threads for all cores but one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AVATAR_")}
    return kept | {"OMP_NUM_THREADS": str(max(1, CORES - 1))}


def main(arguments: Sequence[str] | None = None) -> None:
    """Become the command that is given behind ``--``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory-mb", type=int, required=True)
    parser.add_argument("--cpu-s", type=int, required=True)
    parser.add_argument("--file-mb", type=int, required=True)
    parser.add_argument("command", nargs="+")
    given = parser.parse_args(arguments)
    _end_with_the_server()
    os.nice(5)  # live sessions first
    Bounds(given.memory_mb, given.cpu_s, given.file_mb).set()
    os.execvp(given.command[0], given.command)


def _end_with_the_server() -> None:
    """Also when it is killed and can not tell: Linux does, elsewhere the limits have to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


if __name__ == "__main__":
    main()
