"""The avatars that are served: known by name at once, loaded when first asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.clock import Clock
from engine.errors import AvatarEngineError
from engine.motion import Motion
from server.metrics import Recent
from server.performer import Performance
from server.problems import NotFound

__all__ = ["Character", "Gallery", "UnknownAvatar"]

logger = logging.getLogger(__name__)

_WARM_UP_DRAWINGS = 12


class UnknownAvatar(NotFound):
    """No avatar of this name is served."""


@dataclass(frozen=True)
class Character:
    """A loaded avatar, ready to perform. ``rest``: ``[H, W, 3]`` uint8 RGB, the face at rest.
    ``draw_ms``: how long one picture takes, kept up to date by the sessions."""

    name: str
    title: str
    pipeline: Performance
    thumbnail_jpg: bytes
    preview_png: bytes
    rest: NDArray[np.uint8]
    draw_ms: Recent = field(default_factory=Recent)

    @staticmethod
    def ready(
        name: str,
        title: str,
        pipeline: Performance,
        thumbnail_jpg: bytes,
        preview_png: bytes,
        clock: Clock,
    ) -> Character:
        """Draw a few pictures, which warms every cache and says how long one takes."""
        draw_ms = Recent()
        rest = pipeline.draw(Motion())
        for _ in range(_WARM_UP_DRAWINGS):
            began = clock.now_ns()
            pipeline.draw(Motion())
            draw_ms.add((clock.now_ns() - began) / 1e6)
        return Character(name, title, pipeline, thumbnail_jpg, preview_png, rest, draw_ms)


Loader = Callable[[], Character]


class Gallery:
    """Names in the order in which they are shown, each with the way to load it."""

    def __init__(self, loaders: dict[str, Loader], executor: Executor) -> None:
        self._loaders = dict(loaders)
        self._executor = executor
        self._loading: dict[str, asyncio.Future[Character]] = {}

    @property
    def names(self) -> list[str]:
        return list(self._loaders)

    @property
    def first(self) -> str:
        """The one for whoever names none. Raises UnknownAvatar without any."""
        if not self._loaders:
            raise UnknownAvatar("no avatar is served, expected one: make one from a photo first")
        return next(iter(self._loaders))

    def add(self, name: str, loader: Loader) -> None:
        """One more avatar, or a new one in the place of an old one of that name."""
        self._loaders[name] = loader
        self._loading.pop(name, None)

    def remove(self, name: str) -> None:
        """Serve this one no longer; sessions that show it go on."""
        self._loaders.pop(name, None)
        self._loading.pop(name, None)

    async def load_all(self) -> None:
        """Load one after the other, so that none has to be waited for later. What can not be
        loaded is logged now, and again said to whoever asks for it."""
        for name in self.names:
            try:
                await self.character(name)
            except AvatarEngineError as error:
                logger.error("the avatar %s can not be served: %s", name, error)

    async def character(self, name: str) -> Character:
        """The avatar of this name, loaded once and shared. Raises UnknownAvatar, BadBundle."""
        if name not in self._loaders:
            raise UnknownAvatar(
                f"no avatar is named {name!r}, expected one of {', '.join(self._loaders)}: "
                "GET /avatars lists them"
            )
        if name not in self._loading:
            loop = asyncio.get_running_loop()
            self._loading[name] = loop.run_in_executor(self._executor, self._loaders[name])
        loading = self._loading[name]
        try:
            return await asyncio.shield(loading)
        except asyncio.CancelledError:
            raise
        except Exception:
            self._loading.pop(name, None)
            raise
