"""The option of all commands that draw: on which device."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.gpu import Device

__all__ = ["On"]

On = Annotated[Device, typer.Option(help="What draws: a GPU, if avatar and machine are ready.")]
