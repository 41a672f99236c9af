"""What all commands share: where they write, how they report progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

__all__ = ["ProgressStyle", "err", "out", "progress"]

# Names and errors are printed as they are: a bracket in them is not markup.
out = Console(highlight=False, markup=False)
err = Console(stderr=True, highlight=False, markup=False)


class ProgressStyle(StrEnum):
    """bar: for people. json: one object a line, for programs. none: silent."""

    bar = "bar"
    json = "json"
    none = "none"


@contextmanager
def progress(style: ProgressStyle) -> Iterator[Callable[[str, float], None]]:
    """A reporter of (stage, share done of the whole)."""
    if style is ProgressStyle.none:
        yield lambda stage, share: None
        return
    columns = (
        TextColumn("{task.description:22}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    hidden = style is ProgressStyle.json or not err.is_terminal
    with Progress(*columns, console=err, disable=hidden, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        printed = ("", -1)

        def report(stage: str, share: float) -> None:
            nonlocal printed
            bar.update(task, description=stage, completed=share)
            percent = int(share * 100)
            if style is ProgressStyle.json and (stage, percent) != printed:
                printed = (stage, percent)
                left = bar.tasks[0].time_remaining
                event = {"stage": stage, "percent": round(share * 100, 1), "seconds_left": left}
                sys.stdout.write(json.dumps(event) + "\n")
                sys.stdout.flush()

        yield report
