"""Good and bad photos, drawn from faces that belong to nobody, and what ``engine export`` says.

    python -m tests.docs.photo_guide        # docs/pictures/photos.jpg, the table in docs/photos.md

Each example is a built-in avatar's picture, altered; beside it stands what the command says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from engine.avatar import Avatar, find_avatar
from engine.errors import BadPhoto
from engine.motion import coefficients
from export.bundle import Identity
from export.identity import export_identity
from export.landmarks import FaceMesh
from tests import occluders
from tests.docs.pages import ROOT

__all__ = ["EXAMPLES", "GUIDE", "MARKS", "REFUSED", "said", "table"]

GUIDE = ROOT / "docs" / "photos.md"
PICTURE = ROOT / "docs" / "pictures" / "photos.jpg"
MARKS = ("<!-- notes -->\n", "<!-- end of notes -->\n")
REFUSED = "refused: "

Rgb = NDArray[np.uint8]


@cache
def avatar(name: str) -> Avatar:
    return Avatar.load(find_avatar(name))


def posed(name: str, **moved: float) -> Rgb:
    """A built-in avatar's frame with these coefficients."""
    one = avatar(name)
    canvas = one.face.canvas(coefficients(**moved))
    return one.compositor.draw(canvas, np.zeros(3, np.float32))


def face(name: str) -> Rgb:
    return avatar(name).photo.copy()


def landmarks(image: Rgb) -> NDArray[np.float32]:
    with FaceMesh() as mesh:
        found = mesh.detect(image)
    assert found is not None
    return found


def light(image: Rgb, factor: NDArray[np.floating] | float, noise: float = 0.0) -> Rgb:
    """As under ``factor`` of the light (linear, [H, W] or one), with a sensor's noise."""
    linear = (image / 255.0) ** 2.2 * np.atleast_3d(np.asarray(factor, np.float64))
    shown = 255 * np.clip(linear, 0, 1) ** (1 / 2.2)
    grain = np.random.default_rng(0).normal(0, noise, (*image.shape[:2], 1))
    return np.clip(shown + grain, 0, 255).astype(np.uint8)


def from_the_side(image: Rgb) -> Rgb:
    x = np.linspace(-1, 1, image.shape[1])[None]
    lit = 0.06 + 0.94 / (1 + np.exp(9 * x))
    return light(image, np.repeat(lit, image.shape[0], 0))


def turned(image: Rgb) -> Rgb:
    """One half of the face drawn together, the other one widened, as in a head turned far."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    nose = float(landmarks(image)[1, 0])
    from_nose = np.where(x < nose, nose - (nose - x) * 2.6, nose + (x - nose) * 0.78)
    looked_up = np.clip(from_nose, 0, width - 1).astype(np.float32)
    return np.asarray(cv2.remap(image, looked_up, y, cv2.INTER_LINEAR), np.uint8)


def tilted(image: Rgb, degrees: float) -> Rgb:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height * 0.45), degrees, 1.0)
    return np.asarray(
        cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    )


def far_away(image: Rgb, side: int, room: int = 640) -> Rgb:
    """The picture ``side`` pixels wide in a plain room."""
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    left = (room - side) // 2
    sides = ((room - side, 0), (left, room - side - left), (0, 0))
    wall = cv2.GaussianBlur(np.pad(small, sides, mode="edge"), (0, 0), 60)
    cover = np.pad(np.ones((side, side), np.float32), sides[:2])
    cover = cv2.erode(cover, np.ones((25, 25)), borderValue=1)
    cover = cv2.GaussianBlur(cover, (0, 0), 5)[..., None]
    return (np.pad(small, sides, mode="edge") * cover + wall * (1 - cover)).astype(np.uint8)


def tinted(image: Rgb) -> Rgb:
    return np.clip(image * (1.08, 0.86, 0.5), 0, 255).astype(np.uint8)


def beside(one: Rgb, other: Rgb) -> Rgb:
    quarter = one.shape[1] // 4
    return np.concatenate([one[:, quarter:-quarter], other[:, quarter:-quarter]], 1)


# Label -> how it is made.
EXAMPLES: dict[str, Callable[[], Rgb]] = {
    "good": lambda: face("clara"),
    "good as well": lambda: face("malik"),
    "too dark": lambda: light(face("jonas"), 0.05, noise=6),
    "overexposed": lambda: light(face("mei"), 6.0),
    "light from one side": lambda: from_the_side(face("rafael")),
    "yellow light": lambda: tinted(face("henrik")),
    "blurred": lambda: np.asarray(cv2.GaussianBlur(face("amara"), (0, 0), 3.5), np.uint8),
    "far away": lambda: far_away(face("jonas"), 130),
    "small": lambda: far_away(face("mei"), 220),
    "tight": lambda: face("rafael")[80:420, 90:420].copy(),
    "laughing": lambda: posed("clara", mouthSmile=0.8, mouthUpperUp=0.5, jawOpen=0.25),
    "eyes shut": lambda: posed("amara", eyeBlink=1.0),
    "turned": lambda: turned(face("henrik")),
    "tilted": lambda: tilted(face("malik"), 42),
    "hand before the mouth": lambda: occluders.fingers(face("jonas"), landmarks(face("jonas"))),
    "dark glasses": lambda: occluders.sunglasses(face("mei"), landmarks(face("mei"))),
    "mask": lambda: occluders.mask(face("clara"), landmarks(face("clara"))),
    "two faces": lambda: beside(face("jonas"), face("malik")),
}


def said(image: Rgb) -> tuple[str, ...]:
    """The notes of ``engine export --quality fast``, or the one line that it ends with."""
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "me.png"
        Image.fromarray(image).save(photo)
        who = Identity("me", "Me", "", "", "")
        try:
            report = export_identity(photo, Path(folder) / "me.avatar", who, quality="fast")
        except BadPhoto as error:
            return (REFUSED + str(error),)
        return report.warnings


def table(notes: dict[str, tuple[str, ...]]) -> str:
    """As it stands in the guide."""
    rows = [f"| {label} | {'; '.join(told) or 'nothing'} |" for label, told in notes.items()]
    return "\n".join(["| photo | what `engine export` says |", "|---|---|", *rows]) + "\n"


def sheet(
    pictures: dict[str, Rgb], notes: dict[str, tuple[str, ...]], side: int = 200
) -> Image.Image:
    """All examples, six in a row, each with its label and what becomes of it."""
    columns, strip, gap = 6, 34, 8
    rows = -(-len(pictures) // columns)
    wide, high = columns * (side + gap) + gap, rows * (side + strip + gap) + gap
    page = Image.new("RGB", (wide, high), "#fbfaf7")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(15)
    for k, (label, image) in enumerate(pictures.items()):
        left = gap + k % columns * (side + gap)
        top = gap + k // columns * (side + strip + gap)
        height, width = image.shape[:2]
        square = min(height, width)
        shown = image if height == width else image[:square, (width - square) // 2 :][:, :square]
        page.paste(
            Image.fromarray(shown).resize((side, side), Image.Resampling.LANCZOS), (left, top)
        )
        told = notes[label]
        colour = "#3c7a3c" if not told else "#b3362b" if told[0].startswith(REFUSED) else "#b07a12"
        middle = (left + 9, top + side + strip // 2)
        _mark(draw, middle, colour, crossed=told and told[0].startswith(REFUSED), ticked=not told)
        draw.text((left + 24, middle[1]), label, fill="#222", font=font, anchor="lm")
    return page


def _mark(
    draw: ImageDraw.ImageDraw, middle: tuple[int, int], colour: str, crossed: bool, ticked: bool
) -> None:
    """A disc with a tick, a cross, or an exclamation mark: not told by colour alone."""
    x, y = middle
    draw.ellipse((x - 8, y - 8, x + 8, y + 8), fill=colour)
    if ticked:
        draw.line([(x - 4, y), (x - 1, y + 4), (x + 4, y - 4)], fill="white", width=2)
    elif crossed:
        draw.line([(x - 3, y - 3), (x + 3, y + 3)], fill="white", width=2)
        draw.line([(x - 3, y + 3), (x + 3, y - 3)], fill="white", width=2)
    else:
        draw.line([(x, y - 5), (x, y + 1)], fill="white", width=2)
        draw.line([(x, y + 3), (x, y + 5)], fill="white", width=2)


def main() -> None:
    pictures = {label: make() for label, make in EXAMPLES.items()}
    notes = {label: said(image) for label, image in pictures.items()}
    sheet(pictures, notes).save(PICTURE, quality=85, optimize=True)
    text = GUIDE.read_text(encoding="utf-8")
    before, _, rest = text.partition(MARKS[0])
    GUIDE.write_text(before + MARKS[0] + table(notes) + MARKS[1] + rest.partition(MARKS[1])[2])


if __name__ == "__main__":
    main()
