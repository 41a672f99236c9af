"""What an avatar can do, drawn: ``python -m training.contact_sheet --out sheet.jpg NAME ...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from engine.avatar import Avatar, builtin_avatars, find_avatar
from engine.motion import coefficients

__all__ = ["FAILURES", "POSES", "gallery", "main", "sheet"]

# Label -> (coefficients, head pitch, yaw and roll in degrees).
POSES: dict[str, tuple[dict[str, float], tuple[float, float, float]]] = {
    "rest": ({}, (0, 0, 0)),
    "aa": ({"jawOpen": 0.42, "mouthLowerDown": 0.15}, (0, 0, 0)),
    "ee": (
        {"jawOpen": 0.12, "mouthStretch": 0.3, "mouthLowerDown": 0.3, "mouthUpperUp": 0.2},
        (0, 0, 0),
    ),
    "oh": ({"jawOpen": 0.22, "mouthFunnel": 0.6, "mouthPucker": 0.25}, (0, 0, 0)),
    "oo": ({"jawOpen": 0.06, "mouthPucker": 0.8, "mouthFunnel": 0.25}, (0, 0, 0)),
    "f v": ({"jawOpen": 0.06, "mouthRollLower": 0.45, "mouthUpperUp": 0.25}, (0, 0, 0)),
    "m b p": ({"mouthPress": 0.35, "mouthRollLower": 0.2, "mouthRollUpper": 0.2}, (0, 0, 0)),
    "blink": ({"eyeBlink": 1.0}, (0, 0, 0)),
    "sway": ({"jawOpen": 0.1}, (2.0, 3.5, 2.0)),
}
# What a warped photo does badly, for an honest gallery.
FAILURES: dict[str, tuple[dict[str, float], tuple[float, float, float]]] = {
    "shout": ({"jawOpen": 1.0}, (0, 0, 0)),
    "grin": ({"mouthSmile": 1.0, "mouthUpperUp": 0.7, "jawOpen": 0.1}, (0, 0, 0)),
    "tongue": ({"jawOpen": 0.35, "tongueOut": 1.0}, (0, 0, 0)),
    "half blink": ({"eyeBlink": 0.5}, (0, 0, 0)),
    "side glance": ({"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0}, (0, 0, 0)),
    "brows": ({"browInnerUp": 1.0, "browOuterUp": 1.0}, (0, 0, 0)),
    "cheeks": ({"cheekPuff": 1.0}, (0, 0, 0)),
    "turned": ({"jawOpen": 0.1}, (5.0, 5.0, 5.0)),
}


def sheet(
    avatar: Avatar,
    side: int,
    poses: dict[str, tuple[dict[str, float], tuple[float, float, float]]] = POSES,
) -> NDArray[np.uint8]:
    """One row: the photo and every pose, ``side`` pixels each, cropped to the face: RGB."""
    x0, y0 = np.floor(avatar.matrix @ (0.02, -0.08, 1)).astype(int).clip(0)
    x1, y1 = np.ceil(avatar.matrix @ (0.98, 0.98, 1)).astype(int)

    def tile(image: NDArray[np.uint8], label: str) -> NDArray[np.uint8]:
        part = cv2.resize(image[y0:y1, x0:x1], (side, side), interpolation=cv2.INTER_AREA)
        cv2.putText(
            part, label, (8, side - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 3, cv2.LINE_AA
        )
        cv2.putText(
            part,
            label,
            (8, side - 10),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.5,
            (255, 255, 255),
            1,
            cv2.LINE_AA,
        )
        return np.asarray(part, np.uint8)

    tiles = [tile(avatar.photo.copy(), "photo")]
    for label, (face, degrees) in poses.items():
        canvas = avatar.face.canvas(coefficients(**face))
        tiles.append(
            tile(avatar.compositor.draw(canvas, np.radians(degrees).astype(np.float32)), label)
        )
    return np.hstack(tiles)


def gallery(avatars: list[Avatar], side: int) -> NDArray[np.uint8]:
    """One row: every avatar once, each in another pose, the whole frame."""
    poses = [POSES[k] for k in ("rest", "aa", "ee", "oh", "sway", "oo", "f v")]
    tiles = []
    for k, avatar in enumerate(avatars):
        face, degrees = poses[k % len(poses)]
        canvas = avatar.face.canvas(coefficients(**face))
        frame = avatar.compositor.draw(canvas, np.radians(degrees).astype(np.float32))
        tiles.append(cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA))
    return np.hstack(tiles)


def main(
    out: Annotated[Path, typer.Option(help="The picture to write.")],
    avatars: Annotated[
        list[str] | None, typer.Argument(help="Names or files; built-in by default.")
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Each avatar once, in another pose, in one row.")
    ] = False,
    failures: Annotated[
        bool, typer.Option("--failures", help="What is done badly in place of the usual poses.")
    ] = False,
    side: Annotated[int, typer.Option(help="Of a tile, pixels.")] = 220,
) -> None:
    """One row an avatar."""
    loaded = [Avatar.load(find_avatar(name)) for name in avatars or builtin_avatars()]
    rows = (
        [gallery(loaded, side)]
        if once
        else [sheet(avatar, side, FAILURES if failures else POSES) for avatar in loaded]
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    typer.run(main)
