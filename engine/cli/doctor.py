"""``engine doctor``: what can run here, and what is missing for the rest."""

from __future__ import annotations

import typer

from engine.cli import terminal

__all__ = ["doctor"]


def doctor() -> None:
    """Say what can run here, and what brings the rest.

    Needs nothing.

    Gives a list, then the commands that bring what is missing. The exit code is 1 when not even a
    built-in face can run.

    \b
    Examples:
      engine doctor
    """
    from engine.doctor import cure, examine

    checks = examine()
    for check in checks:
        mark = "ok     " if check.passed else "missing" if check.needed else "-      "
        terminal.out.print(f"{mark} {check.what}: {check.finding}", soft_wrap=True)
    broken = any(check.needed and not check.passed for check in checks)
    remedies = cure(checks)
    terminal.out.print()
    if broken:
        terminal.out.print("No face can run here yet. To mend it:")
    elif remedies:
        terminal.out.print("Faces can run here: `engine serve`. What is missing comes with:")
    else:
        terminal.out.print("Everything can run here: `engine serve`")
    for remedy in remedies:
        terminal.out.print(f"  {remedy}", soft_wrap=True)
    if broken:
        raise typer.Exit(1)
