"""The avatars that can be put on, loaded one after the other while the first is already shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Lock

from engine.avatar import Avatar, builtin_avatars, find_avatar
from engine.devices import drawing_on
from engine.errors import AvatarEngineError
from engine.gpu import Device
from engine.pipeline import Pipeline
from engine.speech import SpeechModel

__all__ = ["Wardrobe", "paths"]


def paths(wanted: Sequence[str]) -> dict[str, Path]:
    """Name -> file: those that were asked for, and behind them the built-in ones.

    Raises BadInput for one that is not there.
    """
    found: dict[str, Path] = {}
    for name in wanted:
        path = find_avatar(name)
        found.setdefault(path.stem, path)
    return found | {k: v for k, v in builtin_avatars().items() if k not in found}


class Wardrobe:
    """Each avatar's pipeline, loaded once. Any thread may ask."""

    def __init__(
        self,
        files: dict[str, Path],
        speech: SpeechModel | None = None,
        device: Device = Device.auto,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        """device: what draws. say: told in a line which that is, once for each that differs."""
        self._device = device
        self._say = say
        self._said: set[str] = set()
        self._files = dict(files)
        self._speech = speech or SpeechModel.load()
        self._lock = Lock()
        self._loaded: dict[str, Pipeline] = {}
        self._failed: dict[str, str] = {}
        self._closed = Event()

    @property
    def names(self) -> list[str]:
        """In the order in which they are shown."""
        return list(self._files)

    @property
    def ready(self) -> dict[str, Pipeline]:
        """Those that are loaded."""
        return dict(self._loaded)

    @property
    def failed(self) -> dict[str, str]:
        """Name -> why it can not be worn."""
        return dict(self._failed)

    def load(self, name: str) -> Pipeline:
        """The pipeline of one; the first time it has to be read. Raises BadBundle."""
        with self._lock:
            if name not in self._loaded:
                avatar = Avatar.load(self._files[name])
                drawn = drawing_on(avatar, self._device)
                if drawn.line not in self._said:
                    self._said.add(drawn.line)
                    self._say(drawn.line)
                self._loaded[name] = Pipeline(avatar, self._speech, drawing=drawn.drawing)
            return self._loaded[name]

    def load_all(self) -> None:
        """Load one after the other, until all are there or ``close`` is called."""
        for name in self._files:
            if self._closed.is_set():
                return
            try:
                self.load(name)
            except AvatarEngineError as error:
                self._failed[name] = str(error)

    def close(self) -> None:
        """Load no further one."""
        self._closed.set()
