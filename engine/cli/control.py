"""Options of control that several commands share: where a face begins."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Brow", "Expression", "Eyes", "Gaze", "Head", "Smile"]

Expression = Annotated[
    float, typer.Option(min=0, max=2, metavar="SHARE", help="How far the mouth goes.")
]
Head = Annotated[float, typer.Option(min=0, max=2, metavar="SHARE", help="How far the head sways.")]
Smile = Annotated[float, typer.Option(min=-1, max=1, metavar="SHARE", help="-1 frowns, 1 smiles.")]
Brow = Annotated[
    float, typer.Option(min=-1, max=1, metavar="SHARE", help="-1 draws the brows down, 1 up.")
]
Eyes = Annotated[
    float, typer.Option(min=-1, max=1, metavar="SHARE", help="-1 narrows the eyes, 1 widens them.")
]
Gaze = Annotated[
    tuple[float, float] | None,
    typer.Option(
        metavar="RIGHT UP", help="Where the eyes stay, each -1 to 1; they wander by default."
    ),
]
