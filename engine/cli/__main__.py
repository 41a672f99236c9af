"""``python -m engine.cli``: the program without its script on the PATH."""

from __future__ import annotations

from engine.cli.program import main

main()
