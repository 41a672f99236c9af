"""The server put together, and its life from listening to the end of the last session."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
from aiohttp import web

from engine.clock import Clock, MonotonicClock
from engine.control import NEUTRAL, Control
from engine.devices import machine_lacks
from engine.drawing import SIZES
from engine.errors import AvatarEngineError, BadInput, NoDevice
from engine.gpu import Device, find_gpu
from server.capacity import cores
from server.checks import Checks
from server.collection import Collection
from server.exports import BOUNDS, Exports
from server.gallery import Gallery, Loader
from server.ice import IceServers
from server.keys import CHECKS, COLLECTION, EXPORTS, GALLERY, ICE, METRICS, SESSIONS
from server.library import Library, default_folder
from server.limits import MOST_SDP_BYTES, Guard, is_loopback, refuse_open_door, secure_headers
from server.metrics import Metrics
from server.problems import answer_errors
from server.routes import routes
from server.rtc.consent import notice_loss_quickly
from server.rtc.media_address import listen_for_media_on
from server.sessions import Sessions

__all__ = ["Settings", "make_app", "run", "serve"]

PAGE = Path(__file__).resolve().parent.parent / "client_web"
STOP_WITHIN_S = 0.7
SWITCH_INTERVAL_S = 0.0005
WORKERS_NICE = 5


@dataclass(frozen=True)
class Settings:
    """How to serve.

    max_sessions: live at a time; further ones are answered 503. None for as many as it carries.
    token:        asked of every request but for the page's own files, None for none.
    open_to_all:  allow other hosts than this machine without a token.
    public_url:   how browsers reach it through a proxy on this machine, None without one.
    workers:      threads that hear and draw, None for one per core, or as many as a GPU keeps busy.
    ice_servers:  STUN and TURN, for the page and for this server.
    media:        addresses of this machine that media may come to, all if none is given.
    certificate:  files of the TLS certificate and of its key, None for plain HTTP.
    device:       what draws.
    mark:         text in the corner of every picture, None for none.
    control:      what a face begins with, until its user steers it.
    export_mb:    address space that making an avatar may use.
    """

    host: str = "localhost"
    port: int = 8080
    max_sessions: int | None = None
    token: str | None = None
    open_to_all: bool = False
    public_url: str | None = None
    workers: int | None = None
    ice_servers: IceServers = field(default_factory=IceServers)
    media: Sequence[str] = ()
    certificate: tuple[Path, Path] | None = None
    device: Device = Device.auto
    mark: str | None = None
    control: Control = NEUTRAL
    export_mb: int = BOUNDS.memory_mb

    @property
    def changeable(self) -> bool:
        """Whether callers may rename and delete: not where that is everybody."""
        return self.token is not None or self.local_only

    @property
    def local_only(self) -> bool:
        """Whether nobody but this machine itself is served."""
        return is_loopback(self.host) and self.public_url is None


def serve(
    avatars: Iterable[str],
    settings: Settings,
    on_ready: Callable[[str], None],
    folder: Path | None = None,
    on_device: Callable[[str], None] = lambda line: None,
) -> None:
    """Serve until SIGINT or SIGTERM, then end within a second.

    avatars:  names or files; none for all that are built in or were made here.
    on_ready: gets the page's address as soon as it can be opened.
    on_device: told in a line what draws, as soon as the first avatar is loaded.
    folder:   where avatars made through the page are kept; ``default_folder()`` if None.

    Raises Refusal for an address open to others without a token, BadInput for an avatar that is
    none and for an address that can not be listened on, NoDevice for a GPU that is not here.
    """
    if lacks := machine_lacks(settings.device):
        raise NoDevice(f"--device {settings.device} can not be used: {lacks}")
    clock = MonotonicClock()
    library = Library(
        folder or default_folder(), clock, None, settings.mark, settings.device, on_device
    )
    files = library.files(avatars)
    app = make_app(library.loaders(files), settings, clock)
    add_keeping(app, Collection(library, app[GALLERY], files, settings.changeable), settings)
    asyncio.run(run(app, settings, on_ready))


def make_app(
    loaders: dict[str, Loader], settings: Settings, clock: Clock | None = None
) -> web.Application:
    """The application; it owns its worker threads until its clean-up.

    Raises Refusal for an address open to others without a token.
    """
    # Behind a proxy everybody reaches it, whatever address it listens on.
    refuse_open_door(settings.public_url or settings.host, settings.token, settings.open_to_all)
    if settings.media:
        listen_for_media_on(settings.media)
    notice_loss_quickly()
    cv2.setNumThreads(1)  # sessions are spread over the workers; pictures are not split up
    # A worker that comes back from a model waits for the interpreter; Python's own 5 ms are an
    # eighth of a picture, and it has to do so several times for each.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    clock = clock or MonotonicClock()
    guard = Guard(settings.token, is_loopback(settings.host), clock, settings.public_url)
    app = web.Application(
        middlewares=[guard.middleware, answer_errors], client_max_size=MOST_SDP_BYTES
    )
    app.on_response_prepare.append(secure_headers)
    # aiortc encodes in asyncio's own executor; hearing and drawing must not stand in its queue.
    executor = ThreadPoolExecutor(
        settings.workers or _workers(settings.device), "performer", initializer=_stand_back
    )
    app[GALLERY] = Gallery(loaders, executor)
    app[METRICS] = Metrics()
    app[SESSIONS] = Sessions(
        settings.max_sessions,
        executor,
        clock,
        app[METRICS],
        settings.ice_servers,
        settings.local_only,
        cores(),
        control=settings.control,
    )
    app[ICE] = settings.ice_servers

    async def load_avatars(app: web.Application) -> AsyncIterator[None]:
        loading = asyncio.create_task(_load(app))
        async with app[SESSIONS].measured():
            yield
        loading.cancel()

    async def clean_up(app: web.Application) -> None:
        await app[SESSIONS].end_all(STOP_WITHIN_S)
        executor.shutdown(wait=False, cancel_futures=True)

    app.cleanup_ctx.append(load_avatars)
    app.on_cleanup.append(clean_up)
    app.add_routes(routes(PAGE))
    return app


def _workers(device: Device) -> int:
    """One a core; with a GPU more, for they wait for it most of the time, and its batches are made
    of those who wait."""
    gpu = device is not Device.cpu and not isinstance(find_gpu(), str)
    return max(os.cpu_count() or 1, 2 * SIZES[-1] if gpu else 1)


def _stand_back() -> None:
    """Let this thread wait for the others of the process when there is not time for all: pictures
    are to be late before sound is. Linux has a priority for each thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), WORKERS_NICE)


async def _load(app: web.Application) -> None:
    """Every avatar; and from the first one, how many sessions there is room for."""
    with suppress(AvatarEngineError):  # said when all are loaded, and to whoever asks for it
        app[SESSIONS].expect(await app[GALLERY].character(app[GALLERY].first))
    await app[GALLERY].load_all()


def add_keeping(app: web.Application, collection: Collection, settings: Settings) -> None:
    """Let the page make avatars, which are served as soon as they are ready, and keep them."""
    bounds = replace(BOUNDS, memory_mb=settings.export_mb)
    app[COLLECTION] = collection
    app[CHECKS] = Checks()
    app[EXPORTS] = Exports(collection.folder, app[METRICS], collection.made, bounds=bounds)

    async def clean_up(app: web.Application) -> None:
        await app[CHECKS].stop()
        await app[EXPORTS].stop()

    app.on_cleanup.append(clean_up)


def _tls(certificate: tuple[Path, Path] | None) -> ssl.SSLContext | None:
    """Raises BadInput for files that are no certificate and its key."""
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(*certificate)
    except (OSError, ssl.SSLError) as error:
        raise BadInput(
            f"{certificate[0]} and {certificate[1]} can not be used ({error}), expected a "
            "certificate and its key as PEM files"
        ) from error
    return context


async def run(app: web.Application, settings: Settings, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. Raises BadInput for an address that can not be used."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        tls = _tls(settings.certificate)
        site = web.TCPSite(runner, settings.host, settings.port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            raise BadInput(
                f"{settings.host}:{settings.port} can not be listened on ({error.strerror}), "
                "expected a free port of this machine: choose another --port"
            ) from error
        port = runner.addresses[0][1]
        shown = "localhost" if settings.host in ("0.0.0.0", "::") else settings.host
        on_ready(settings.public_url or f"{'https' if tls else 'http'}://{shown}:{port}/")
        await stop.wait()
    finally:
        await runner.cleanup()
