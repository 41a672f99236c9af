"""The identity photo: decoded whatever kind of file it is, and its one face found."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadPhoto, MissingExtra
from export.faces import find_faces
from export.quality import PhotoQuality, judge

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["Photo", "Portrait", "find_face", "look", "read_photo"]

_LARGEST = 120_000_000  # pixels to decode; a JPEG is decoded at an eighth where that is enough
_WORKING_SIDE = 2048
_KINDS = "jpg, png, webp, heic"
# Brands of ISO base media files that hold still pictures (ISO/IEC 23008-12).
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_RIVAL = 0.75  # a second face of this share of the largest one's height: whose avatar is it?
_NEARBY = 0.25
_GAMMA = 0.4  # of the copy in which faces are looked for that are too dark to be seen


@dataclass(frozen=True)
class Photo:
    """image: ``[H, W, 3]`` uint8 RGB, upright. notes: what had to be done that one should know."""

    image: NDArray[np.uint8]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Portrait:
    """image: ``[H, W, 3]`` uint8 RGB, upright. landmarks: ``[478, 3]`` in its pixels.
    quality: how good a photo it is. notes: on what was chosen."""

    image: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    quality: PhotoQuality
    notes: tuple[str, ...] = ()


def read_photo(path: Path) -> Photo:
    """The picture upright, in sRGB, transparency laid over grey, at most 2048 pixels wide.

    Of an animation the first picture is taken.

    Raises BadPhoto for what is no readable picture, MissingExtra without Pillow.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise MissingExtra("reading a photo", "photo") from error
    _check_file(path)
    heif = _register_heif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # _LARGEST is ours
            opened = Image.open(path)
        with opened as picture:
            return _decoded(picture, path.name)
    except UnidentifiedImageError as error:
        if _is_heif(path) and not heif:
            raise BadPhoto(
                f"{path.name} is a HEIC photo, expected {_KINDS} with what reads them: "
                "pip install 'avatar-engine[heic]', or share it as JPEG (on an iPhone: Settings, "
                "Camera, Formats, Most Compatible)"
            ) from error
        raise BadPhoto(
            f"{path.name} is not a picture that can be read, expected {_KINDS}: "
            "save it as JPEG in whatever shows it"
        ) from error
    except Image.DecompressionBombError as error:
        raise BadPhoto(
            f"{path.name} is too large to decode ({error}), expected at most "
            f"{_LARGEST // 1_000_000} million pixels: scale it down"
        ) from error
    except (OSError, ValueError, SyntaxError, RuntimeError) as error:
        raise BadPhoto(
            f"{path.name} can not be decoded ({error}), expected a whole picture: copy it again"
        ) from error


def _check_file(path: Path) -> None:
    if not path.is_file():
        got = f"{path} is a folder" if path.is_dir() else f"there is no file {path}"
        raise BadPhoto(f"{got}, expected a photo ({_KINDS})")
    if path.stat().st_size == 0:
        raise BadPhoto(f"{path.name} is empty, expected a photo ({_KINDS}): save it again")


def _register_heif() -> bool:
    """Whether HEIC can be read. Pillow has no reader of its own for it."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def _is_heif(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF


def _decoded(picture: Picture, name: str) -> Photo:
    from PIL import Image, ImageOps

    notes = []
    if getattr(picture, "n_frames", 1) > 1 and picture.format in ("GIF", "WEBP", "PNG", "AVIF"):
        notes.append("the photo is an animation: its first picture was taken")
    picture.draft("RGB", (_WORKING_SIDE, _WORKING_SIDE))
    if picture.width * picture.height > _LARGEST:
        raise BadPhoto(
            f"{name} has {picture.width} x {picture.height} pixels, expected at most "
            f"{_LARGEST // 1_000_000} million: scale it down"
        )
    profile = picture.info.get("icc_profile")
    exif = picture.getexif()
    # Each step works on as few pixels as it can: scaled before turned, before its colours are.
    upright = _eight_bits(picture)
    upright.thumbnail((_WORKING_SIDE, _WORKING_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if upright is not picture:
        upright.getexif().update(exif)
    upright = _over_grey(ImageOps.exif_transpose(upright))
    return Photo(np.array(_srgb(upright, profile), np.uint8), tuple(notes))


def _eight_bits(picture: Picture) -> Picture:
    """Sixteen bit grey scaled to eight, which Pillow would clip; palettes spelt out."""
    from PIL import Image

    if picture.mode.startswith("I") or picture.mode == "F":
        grey = np.asarray(picture, np.float32)
        scale = 257.0 if grey.max() > 255 else 1.0
        return Image.fromarray((grey / scale).clip(0, 255).round().astype(np.uint8))
    if picture.mode in ("P", "PA", "1"):
        return picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    return picture  # a copy of a large one would cost as much as the one


def _over_grey(picture: Picture) -> Picture:
    from PIL import Image

    if picture.mode not in ("RGBA", "LA", "RGBa") and "transparency" not in picture.info:
        return picture
    rgba = picture.convert("RGBA")
    grey = Image.new("RGBA", rgba.size, (128, 128, 128, 255))
    grey.alpha_composite(rgba)
    return grey.convert("RGB")


def _srgb(picture: Picture, profile: bytes | None) -> Picture:
    """RGB as screens mean it. Print files and recent phones say in a profile what they mean."""
    if profile:
        from PIL import ImageCms

        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None  # a broken profile, or one for other colours than the picture's
        if converted is not None:
            return converted
    return picture.convert("RGB")


def find_face(image: NDArray[np.uint8]) -> Portrait:
    """The face of a photo, if an avatar can be made of it.

    Raises BadPhoto as ``look`` does, and when the face is too small, turned away or has its eyes
    shut.
    """
    portrait = look(image)
    refusal = portrait.quality.refusal()
    if refusal:
        raise BadPhoto(refusal)
    return portrait


def look(image: NDArray[np.uint8]) -> Portrait:
    """The face of a photo, fit or not: the only one, or the one that is clearly the largest.

    Raises BadPhoto when there is none, or when several are of like size.
    """
    faces = find_faces(image) or find_faces(_lightened(image))
    if not faces:
        raise BadPhoto(
            "no face was found, expected one that looks into the camera: "
            "use a well-lit, frontal photo"
        )
    heights = [float(np.ptp(face[:468, 1])) for face in faces]
    largest = int(np.argmax(heights))
    others = [h / heights[largest] for k, h in enumerate(heights) if k != largest]
    rivals = [share for share in others if share > _RIVAL]
    if rivals:
        raise BadPhoto(
            f"{len(rivals) + 1} faces were found, none much larger than the others, expected one: "
            "crop the photo to the person"
        )
    nearby = any(share > _NEARBY for share in others)
    note = f"{len(faces)} faces were found: the largest one was taken"
    quality = judge(image, faces[largest])
    return Portrait(image, faces[largest], quality, (note,) if nearby else ())


def _lightened(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    table = 255 * (np.arange(256) / 255) ** _GAMMA
    return table.round().astype(np.uint8)[image]
