"""Where served avatars come from: the built-in ones, files, and the folder of those made here."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from engine.avatar import Avatar, builtin_avatars, find_avatar, read_manifest
from engine.clock import Clock
from engine.devices import drawing_on
from engine.gpu import Device
from engine.pipeline import Pipeline
from engine.speech import SpeechModel
from server.gallery import Character, Loader
from server.mark import Marked, check_mark
from server.performer import Performance

__all__ = ["Library", "default_folder", "slug"]

_NAME = re.compile(r"[^a-z0-9]+")
MOST_NAME = 40


def default_folder() -> Path:
    """Where avatars made through the page are kept, after the XDG base directory specification."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "avatar-engine" / "avatars"


def slug(title: str, taken: Iterable[str] = ()) -> str:
    """A name for addresses and files: a to z, 0 to 9 and dashes, not one of ``taken``."""
    name = _NAME.sub("-", title.lower()).strip("-")[:MOST_NAME].strip("-") or "avatar"
    names, number = set(taken), 2
    unique = name
    while unique in names:
        unique, number = f"{name}-{number}", number + 1
    return unique


class Library:
    """Turns bundles into loaders that share one speech model.

    mark: text in the corner of all that they draw, None for none. device: what draws them. say:
    told in a line which device that is and why, once for each line that differs.

    Raises BadInput for a mark that can not be written, and at once ModelMismatch or MissingExtra
    when the speech model can not be loaded.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        speech: SpeechModel | None = None,
        mark: str | None = None,
        device: Device = Device.auto,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        if mark is not None:
            check_mark(mark)
        self.folder = folder
        self._mark = mark
        self._clock = clock
        self._device = device
        self._say = say
        self._said: set[str] = set()
        self._speech = speech or SpeechModel.load()

    def files(self, asked: Iterable[str] = ()) -> dict[str, Path]:
        """Name -> file of the avatars asked for by name or file, or of all: built in and made here.

        Raises BadInput for one that is neither, BadBundle for a file that is no bundle.
        """
        paths = [find_avatar(name) for name in asked]
        if not paths:
            paths = [*builtin_avatars().values(), *sorted(self.folder.glob("*.avatar"))]
        files: dict[str, Path] = {}
        for path in paths:
            kept = path.parent == self.folder  # its file has the name that it was made under
            title = path.stem if kept else str(read_manifest(path).get("name", path.stem))
            files[slug(title, files)] = path
        return files

    def loaders(self, files: dict[str, Path]) -> dict[str, Loader]:
        """The way to load each."""
        return {name: self.loader(name, path) for name, path in files.items()}

    def loader(self, name: str, path: Path) -> Loader:
        """The way to load one bundle, to be called off the event loop."""
        return lambda: self._load(name, path)

    def _load(self, name: str, path: Path) -> Character:
        avatar = Avatar.load(path)
        drawn = drawing_on(avatar, self._device)
        if drawn.line not in self._said:
            self._said.add(drawn.line)
            self._say(drawn.line)
        pipeline: Performance = Pipeline(avatar, self._speech, drawing=drawn.drawing)
        return Character.ready(
            name,
            avatar.title,
            pipeline if self._mark is None else Marked(pipeline, self._mark),
            avatar.thumbnail_jpg,
            avatar.preview_png,
            self._clock,
        )
