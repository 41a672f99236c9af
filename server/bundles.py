"""Bundles that come from elsewhere, or get another title.

    python -m server.bundles FILE

loads a bundle as a session would, draws with it, and writes ``{"title": ...}``; or an error message
on standard error, with exit code 2. The server runs this in a process with bounds before it loads
an uploaded bundle itself.
"""

from __future__ import annotations

import json
import sys
import time
import zipfile
from pathlib import Path

import numpy as np

from engine.avatar import PARTS, Avatar, read_manifest
from engine.errors import AvatarEngineError, BadBundle
from engine.motion import ARKIT, coefficients
from engine.output import written_whole

__all__ = ["MOST_TITLE", "clean_title", "main", "prove", "retitle"]

MOST_TITLE = 40
_DRAWINGS = 4
_MOST_DRAW_S = 0.25  # of processor time; the models that ship take 0.015


def clean_title(title: str) -> str:
    """As it is kept and shown: one line, at most 40 characters; empty for one that is none."""
    return " ".join("".join(c if c.isprintable() else " " for c in title).split())[:MOST_TITLE]


def retitle(bundle: Path, title: str) -> None:
    """Give a bundle another title; every part stays as it is, byte for byte.

    Raises BadBundle for what is no bundle.
    """
    manifest = read_manifest(bundle) | {"title": title}
    with (
        written_whole(bundle) as partial,
        zipfile.ZipFile(bundle) as old,
        zipfile.ZipFile(partial, "w") as new,
    ):
        new.writestr("manifest.json", json.dumps(manifest, indent=1))
        for part in PARTS:
            new.writestr(old.getinfo(part), old.read(part))


def prove(bundle: Path) -> Avatar:
    """Load a bundle and draw with it. Raises BadBundle, ModelMismatch."""
    avatar = Avatar.load(bundle)
    faces = [np.zeros(len(ARKIT), np.float32), coefficients(jawOpen=0.7, eyeBlink=1.0)]
    taken = []
    for n in range(_DRAWINGS):
        began = time.process_time()
        frame = avatar.compositor.draw(avatar.face.canvas(faces[n % 2]), np.zeros(3, np.float32))
        taken.append(time.process_time() - began)
        if frame.shape != (avatar.height, avatar.width, 3):
            raise BadBundle(f"{bundle.name} draws frames of {frame.shape}: export it anew")
    if min(taken) > _MOST_DRAW_S:
        raise BadBundle(
            f"{bundle.name} takes {1000 * min(taken):.0f} ms to draw a picture, expected less than "
            f"{1000 * _MOST_DRAW_S:.0f}: export it anew"
        )
    return avatar


def main(arguments: list[str] | None = None) -> int:
    """Prove the bundle that is named; 0 if it is one, else 2."""
    (name,) = sys.argv[1:] if arguments is None else arguments
    try:
        title = prove(Path(name)).title
    except AvatarEngineError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(json.dumps({"title": title}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
