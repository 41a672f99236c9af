"""The command line, one module to a command."""

from __future__ import annotations

from engine.cli.program import app, main

__all__ = ["app", "main"]
