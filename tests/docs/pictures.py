"""The small pictures of the quick start, drawn from faces that belong to nobody.

python -m tests.docs.pictures        # docs/pictures/own_face.jpg, render.jpg; needs espeak-ng
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from engine import ARKIT, Avatar, Pipeline, decode, find_avatar
from engine.motion import coefficients
from export.bundle import Identity
from export.identity import export_identity
from tests.docs.pages import ROOT
from tests.photos import builtin

__all__ = ["main"]

FOLDER = ROOT / "docs" / "pictures"
PAPER, INK, GREEN = "#fbfaf7", "#222222", "#3c7a3c"
SENTENCE = "We saw five happy wolves above the mill."
POSES = {
    "rest": {},
    "ah": {"jawOpen": 0.42, "mouthLowerDown": 0.15},
    "oh": {"jawOpen": 0.22, "mouthFunnel": 0.6, "mouthPucker": 0.25},
    "ee": {"jawOpen": 0.12, "mouthStretch": 0.3, "mouthLowerDown": 0.3, "mouthUpperUp": 0.2},
    "blink": {"eyeBlink": 1.0},
}


def row(tiles: dict[str, NDArray[np.uint8]], side: int, below: int = 30) -> Image.Image:
    """Pictures beside each other, each with its words under it."""
    page = Image.new("RGB", (len(tiles) * (side + 6) + 6, side + below + 6), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    for k, (label, image) in enumerate(tiles.items()):
        left = 6 + k * (side + 6)
        page.paste(Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS), (left, 6))
        draw.text((left + side / 2, side + 7 + below / 2), label, INK, font, "mm")
    return page


def own_face() -> Image.Image:
    """A photo, and the quick avatar made from it in five poses."""
    photo = builtin("jonas")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "me.png"
        Image.fromarray(photo).save(path)
        who = Identity("me", "Me", "", "", "")
        export_identity(path, Path(folder) / "me.avatar", who, quality="fast")
        pipeline = Pipeline(Avatar.load(Path(folder) / "me.avatar"))
    avatar = pipeline.avatar
    still = np.zeros(3, np.float32)
    tiles = {"me.jpg": photo}
    for label, moved in POSES.items():
        tiles[label] = avatar.compositor.draw(avatar.face.canvas(coefficients(**moved)), still)
    return row({label: tile[40:440, 56:456] for label, tile in tiles.items()}, 190)


def render(count: int = 8) -> Image.Image:
    """Of each eighth of a sentence the frame with the widest mouth, tied to its moment."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        subprocess.run(["espeak-ng", "-s", "130", "-w", wav, SENTENCE], check=True)
        sound = np.concatenate(list(decode(wav)))
    sound = sound[: np.flatnonzero(np.abs(sound) > 0.02)[-1] + 1600]
    pipeline = Pipeline(Avatar.load(find_avatar("amara")))
    padded = np.concatenate([sound, np.zeros(pipeline.look_ahead_samples + 640, np.float32)])
    motions, _ = pipeline.listen(padded, pipeline.initial_state(seed=4))
    jaw, lips = ARKIT.index("jawOpen"), ARKIT.index("mouthClose")
    slot = len(sound) / count
    chosen = [
        max(
            (timed for timed in motions if k * slot <= timed.pts < (k + 1) * slot),
            key=lambda timed: float(timed.motion.face[jaw] - timed.motion.face[lips]),
        )
        for k in range(count)
    ]
    tiles = {f"{t.pts / 16000:.2f} s": pipeline.draw(t.motion)[130:410, 116:396] for t in chosen}
    page = row(tiles, 150, 90)
    draw, middle, wide = ImageDraw.Draw(page), 150 + 66, page.width - 12
    draw.rectangle((0, 158, page.width, page.height), PAPER)
    for x in range(wide):
        part = sound[x * len(sound) // wide : (x + 1) * len(sound) // wide]
        high = float(np.abs(part).max()) * 30
        draw.line((6 + x, middle - high, 6 + x, middle + high), GREEN)
    for k, timed in enumerate(chosen):
        under, at = 81 + k * 156, 6 + timed.pts * wide / len(sound)
        draw.line([(under, 158), (at, middle - 32), (at, middle + 32)], INK)
    return page


def main() -> None:
    for name, picture in (("own_face", own_face()), ("render", render())):
        picture.save(FOLDER / f"{name}.jpg", quality=85, optimize=True)


if __name__ == "__main__":
    main()
