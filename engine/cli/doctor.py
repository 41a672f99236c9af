"""``engine doctor``: what can run here, and what is missing for the rest."""

from __future__ import annotations

import typer

from engine.cli import terminal

__all__ = ["doctor"]


def doctor() -> None:
    """Check what is installed and say what is missing for what."""
    from engine.doctor import examine

    checks = examine()
    for check in checks:
        mark = "ok     " if check.passed else "missing"
        terminal.out.print(f"{mark} {check.what}: {check.finding}", soft_wrap=True)
        if check.remedy:
            terminal.out.print(f"        {check.remedy}", soft_wrap=True)
    if any(check.needed and not check.passed for check in checks):
        raise typer.Exit(1)
