"""Photo files of every kind that people hand in, made from one face that everyone may use."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from engine.avatar import builtin_avatars
from engine.compositor import Compositor
from engine.motion import coefficients

__all__ = ["BAD", "GOOD", "astronaut", "builtin"]


def astronaut() -> NDArray[np.uint8]:
    """Head and shoulders, ``[300, 300, 3]``."""
    return np.ascontiguousarray(data.astronaut()[:300, 80:380])


def builtin(name: str) -> NDArray[np.uint8]:
    """The photo of a built-in avatar, whatever version of bundle it is in, ``[512, 512, 3]``."""
    with zipfile.ZipFile(builtin_avatars()[name]) as bundle, bundle.open("photo.png") as photo:
        return np.array(Image.open(photo).convert("RGB"), np.uint8)


def _saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def _picture() -> Image.Image:
    return Image.fromarray(astronaut())


def _lying_down(folder: Path) -> Path:
    """Stored on its side, with the note how to turn it, as phones do."""
    note = Image.Exif()
    note[0x0112] = 6
    return _saved(_picture().rotate(90, expand=True), folder / "phone.jpg", exif=note, quality=95)


def _cut_out(folder: Path) -> Path:
    rgba = _picture().convert("RGBA")
    y, x = np.mgrid[:300, :300]
    rgba.putalpha(
        Image.fromarray(np.where(np.hypot(x - 150, y - 140) < 130, 255, 0).astype("uint8"))
    )
    return _saved(rgba, folder / "cut_out.png")


def _palette(folder: Path) -> Path:
    return _saved(_picture().quantize(128), folder / "palette.png")


def _deep_colour(folder: Path) -> Path:
    path = folder / "deep_colour.png"
    cv2.imwrite(str(path), astronaut()[..., ::-1].astype(np.uint16) * 257)
    return path


def _animation(folder: Path, kind: str) -> Path:
    blank = Image.new("RGB", (300, 300), (90, 90, 90))
    return _saved(
        _picture(), folder / f"wave.{kind}", save_all=True, append_images=[blank, blank], quality=95
    )


GOOD: dict[str, Callable[[Path], Path]] = {
    "jpeg": lambda folder: _saved(_picture(), folder / "a.jpg", quality=95),
    "png": lambda folder: _saved(_picture(), folder / "a.png"),
    "webp": lambda folder: _saved(_picture(), folder / "a.webp", lossless=True),
    "EXIF rotation": _lying_down,
    "alpha": _cut_out,
    "greyscale": lambda folder: _saved(_picture().convert("L"), folder / "grey.jpg"),
    "CMYK": lambda folder: _saved(_picture().convert("CMYK"), folder / "print.jpg", quality=95),
    "palette": _palette,
    "16 bit grey": lambda folder: _saved(
        Image.fromarray(np.array(_picture().convert("L"), np.uint16) * 257), folder / "deep.png"
    ),
    "16 bit colour": _deep_colour,
    "animated GIF": lambda folder: _animation(folder, "gif"),
    "animated WebP": lambda folder: _animation(folder, "webp"),
    "wrong ending": lambda folder: _saved(_picture(), folder / "a.jpg", format="PNG"),
}


def _bytes(folder: Path, content: bytes) -> Path:
    path = folder / "bad.jpg"
    path.write_bytes(content)
    return path


def _truncated(folder: Path) -> Path:
    whole = GOOD["jpeg"](folder).read_bytes()
    (folder / "a.jpg").unlink()
    return _bytes(folder, whole[: len(whole) // 2])


def _several(folder: Path) -> Path:
    one = astronaut()
    return _saved(Image.fromarray(np.concatenate([one, one[:, ::-1]], 1)), folder / "two.png")


def _small(folder: Path) -> Path:
    return _saved(_picture().resize((200, 200), Image.Resampling.BOX), folder / "small.png")


def _eyes_shut(folder: Path) -> Path:
    """The puppet of the photo, blinking."""
    from export.landmarks import FaceMesh
    from export.puppet import Puppet

    image = _twice(astronaut())
    with FaceMesh() as mesh:
        landmarks = mesh.detect(image)
    assert landmarks is not None
    puppet = Puppet(image, landmarks)
    canvas = puppet.canvas(coefficients(eyeBlink=1), 128)
    compositor = Compositor(image, puppet.matrix, 128, puppet.teeth())
    frame = compositor.draw(canvas, np.zeros(3, np.float32))
    return _saved(Image.fromarray(frame), folder / "shut.png")


def _profile(folder: Path) -> Path:
    """One half of the face squeezed, the other stretched, as in a head turned far to the side."""
    image = _twice(astronaut())
    y, x = np.mgrid[:600, :600].astype(np.float32)
    nose = 296.0
    squeezed = np.where(x < nose, nose - (nose - x) * 3.2, nose + (x - nose) * 0.75)
    turned = cv2.remap(image, squeezed.astype(np.float32), y, cv2.INTER_LINEAR)
    return _saved(Image.fromarray(turned), folder / "profile.png")


def _twice(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)


# What is handed in -> (how it is made, what the message says of it).
BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no face": (
        lambda folder: _saved(Image.fromarray(data.chelsea()), folder / "cat.png"),
        "no face was found",
    ),
    "several faces": (_several, "2 faces were found"),
    "a small face": (_small, "pixels high, expected 96"),
    "eyes shut": (_eyes_shut, "the eyes are shut"),
    "a profile": (_profile, "the head is turned"),
    "a truncated file": (_truncated, "can not be decoded"),
    "an empty file": (lambda folder: _bytes(folder, b""), "is empty"),
    "text": (lambda folder: _bytes(folder, b"hello " * 100), "is not a picture"),
    "a folder": (lambda folder: folder, "is a folder"),
    "nothing": (lambda folder: folder / "lost.jpg", "there is no file"),
}
