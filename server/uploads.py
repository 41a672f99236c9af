"""What people upload, straight to a file: never in memory as a whole, never decoded here."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from engine.errors import BadInput, BadPhoto

__all__ = ["BUNDLE", "KINDS", "Kind", "kind_of", "received"]

_MIB = 1 << 20
_WITHIN_S = 300.0  # for all of an upload; whoever sends it byte by byte is hung up on
_CHUNK = 256 * 1024


@dataclass(frozen=True)
class Kind:
    """stem, suffix: of the file it is kept in. most_bytes: a longer one is refused."""

    stem: str
    suffix: str
    most_bytes: int


_PHOTO, _VIDEO = 20 * _MIB, 200 * _MIB
KINDS = {
    "image/jpeg": Kind("photo", ".jpg", _PHOTO),
    "image/png": Kind("photo", ".png", _PHOTO),
    "image/webp": Kind("photo", ".webp", _PHOTO),
    "image/heic": Kind("photo", ".heic", _PHOTO),
    "image/heif": Kind("photo", ".heic", _PHOTO),
    "video/mp4": Kind("video", ".mp4", _VIDEO),
    "video/webm": Kind("video", ".webm", _VIDEO),
    "video/quicktime": Kind("video", ".mov", _VIDEO),
    "video/x-matroska": Kind("video", ".mkv", _VIDEO),
}
BUNDLE = Kind("bundle", ".avatar", 64 * _MIB)


def kind_of(content_type: str) -> Kind:
    """Of a photo or a video. Raises BadPhoto for anything else."""
    if content_type not in KINDS:
        raise BadPhoto(
            f"got {content_type}, expected {', '.join(KINDS)}: save a photo as JPEG or a video as "
            "MP4"
        )
    return KINDS[content_type]


@asynccontextmanager
async def received(request: web.Request, folder: Path, kind: Kind) -> AsyncIterator[Path]:
    """The body of a request as a file in a folder of its own below ``folder``.

    It is gone when the block ends, unless somebody moved it. Raises BadInput for an empty one and
    HTTPRequestEntityTooLarge, as soon as it is known, for one over ``kind.most_bytes``.
    """
    if (request.content_length or 0) > kind.most_bytes:
        raise _too_large(kind, request.content_length or 0)
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".upload-") as scratch:
        path = Path(scratch) / f"{kind.stem}{kind.suffix}"
        size = 0
        with path.open("wb") as file:
            try:
                async with asyncio.timeout(_WITHIN_S):
                    async for chunk in request.content.iter_chunked(_CHUNK):
                        size += len(chunk)
                        if size > kind.most_bytes:
                            raise _too_large(kind, size)
                        await asyncio.to_thread(file.write, chunk)
            except TimeoutError as error:
                raise BadInput(
                    f"the upload took longer than {_WITHIN_S:.0f} s: use a smaller file"
                ) from error
        if not size:
            raise BadPhoto(f"the upload is empty, expected a {kind.stem}: choose the file again")
        yield path


def _too_large(kind: Kind, size: int) -> web.HTTPRequestEntityTooLarge:
    return web.HTTPRequestEntityTooLarge(
        max_size=kind.most_bytes,
        actual_size=size,
        text=f"the {kind.stem} is larger than {kind.most_bytes // _MIB} MB, expected at most that: "
        "use a smaller file",
    )
