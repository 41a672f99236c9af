"""The avatars on disk that are served, and what may be done to those that were made here.

Built-in ones, and files that were named on the command line, are read only.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from engine.errors import BadBundle, BadInput
from server.bundles import clean_title, retitle
from server.confined import CORES, Bounds, environment
from server.gallery import Gallery, UnknownAvatar
from server.library import Library, slug
from server.problems import Forbidden

__all__ = ["Collection"]

logger = logging.getLogger(__name__)

PROVE_WITHIN_S = 60.0
BOUNDS = Bounds(memory_mb=3000 + 128 * CORES, cpu_s=30, file_mb=1)


class Collection:
    """files:      name -> file of everything that is served.
    changeable: whether callers may add bundles, rename and delete at all.
    """

    def __init__(
        self,
        library: Library,
        gallery: Gallery,
        files: dict[str, Path],
        changeable: bool = True,
        bounds: Bounds = BOUNDS,
    ) -> None:
        self._library = library
        self._gallery = gallery
        self._files = dict(files)
        self._bounds = bounds
        self._renamed: dict[str, str] = {}  # while they are served; so at most as many as files
        self._changing = asyncio.Lock()
        self.changeable = changeable

    @property
    def folder(self) -> Path:
        """Where avatars made here are kept."""
        return self._library.folder

    def file(self, name: str) -> Path:
        """Raises UnknownAvatar."""
        if name not in self._files:
            raise UnknownAvatar(f"no avatar is named {name!r}: GET /avatars lists them")
        return self._files[name]

    def editable(self, name: str) -> bool:
        """Whether this one may be renamed and deleted."""
        path = self._files.get(name)
        return self.changeable and path is not None and path.parent == self.folder

    def made(self, name: str, bundle: Path) -> None:
        """A new bundle in the folder, or a better one in the place of an old one."""
        if name in self._renamed:
            retitle(bundle, self._renamed[name])
        self._files[name] = bundle
        self._gallery.add(name, self._library.loader(name, bundle))

    async def rename(self, name: str, title: str) -> None:
        """Give an avatar another title; its name in addresses stays.

        Raises UnknownAvatar, Forbidden, BadInput for an empty title.
        """
        title = clean_title(title)
        if not title:
            raise BadInput("the new title is empty, expected some letters")
        async with self._changing:
            path = self._own(name)
            await asyncio.to_thread(retitle, path, title)
            self._renamed[name] = title
            self._gallery.add(name, self._library.loader(name, path))

    async def remove(self, name: str) -> None:
        """Delete an avatar for good; sessions that show it go on.

        Raises UnknownAvatar, Forbidden.
        """
        async with self._changing:
            path = self._own(name)
            await asyncio.to_thread(path.unlink, missing_ok=True)
            self._forget(name)

    async def take(self, upload: Path) -> str:
        """Keep a bundle that was uploaded: its name. Raises Forbidden, BadBundle."""
        if not self.changeable:
            raise Forbidden(_CLOSED)
        title = clean_title(await self._proved(upload)) or "Avatar"
        async with self._changing:
            name = slug(title, self._gallery.names)
            await asyncio.to_thread(retitle, upload, title)
            kept = self.folder / f"{name}.avatar"
            await asyncio.to_thread(shutil.move, upload, kept)
            self.made(name, kept)
        return name

    def _own(self, name: str) -> Path:
        path = self.file(name)
        if not self.changeable:
            raise Forbidden(_CLOSED)
        if not self.editable(name):
            raise Forbidden(
                f"{name} was not made here and is read only, expected one of your own: "
                "download it and upload the copy"
            )
        return path

    def _forget(self, name: str) -> None:
        self._files.pop(name, None)
        self._renamed.pop(name, None)
        self._gallery.remove(name)

    async def _proved(self, upload: Path) -> str:
        """The title of a bundle that a process of its own has loaded and drawn with."""
        process = await asyncio.create_subprocess_exec(
            *self._bounds.around([sys.executable, "-m", "server.bundles", str(upload)]),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            env=environment(),
        )
        try:
            async with asyncio.timeout(PROVE_WITHIN_S):
                said, complaint = await process.communicate()
        except TimeoutError:
            said, complaint = b"", b""
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode == 0:
            return str(json.loads(said.splitlines()[-1])["title"])
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        if process.returncode == 2 and last.startswith("error: "):
            raise BadBundle(last.removeprefix("error: ")[:500])
        logger.error("proving a bundle ended with code %s: %s", process.returncode, last)
        raise BadBundle(
            "the bundle needs more time or memory than it may have, expected one that was made by "
            "`engine export`: export it anew"
        )


_CLOSED = (
    "this server is open to everybody without a token, so nobody may change its avatars: "
    "start it with --token"
)
