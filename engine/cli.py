"""The command line: ``engine export``, ``render``, ``serve``, ``info``, ``bench``, ``doctor``.

The one module of the engine that knows of server and export; each is imported by the command that
needs it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Annotated, Optional

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from engine.errors import AvatarEngineError, BadInput, MissingExtra

__all__ = ["app", "main"]

app = typer.Typer(
    help="One photo and a microphone become a live talking face.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# Names and errors are printed as they are: a bracket in them is not markup.
_out = Console(highlight=False, markup=False)
_err = Console(stderr=True, highlight=False, markup=False)


class Quality(StrEnum):
    """fast: the released generator as it is. best: tuned to the person for minutes."""

    fast = "fast"
    best = "best"


class ProgressStyle(StrEnum):
    """bar: for people. json: one object a line, for programs. none: silent."""

    bar = "bar"
    json = "json"
    none = "none"


class LogFormat(StrEnum):
    """text: for people. json: one object a line, for programs."""

    text = "text"
    json = "json"


class LogLevel(StrEnum):
    """What is worth a line."""

    info = "info"
    warning = "warning"
    error = "error"


@contextmanager
def _progress(style: ProgressStyle) -> Iterator[Callable[[str, float], None]]:
    """A reporter of (stage, share done of the whole)."""
    if style is ProgressStyle.none:
        yield lambda stage, share: None
        return
    columns = (
        TextColumn("{task.description:22}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    hidden = style is ProgressStyle.json or not _err.is_terminal
    with Progress(*columns, console=_err, disable=hidden, transient=True) as progress:
        task = progress.add_task("starting", total=1.0)
        printed = ("", -1)

        def report(stage: str, share: float) -> None:
            nonlocal printed
            progress.update(task, description=stage, completed=share)
            percent = int(share * 100)
            if style is ProgressStyle.json and (stage, percent) != printed:
                printed = (stage, percent)
                left = progress.tasks[0].time_remaining
                event = {"stage": stage, "percent": round(share * 100, 1), "seconds_left": left}
                sys.stdout.write(json.dumps(event) + "\n")
                sys.stdout.flush()

        yield report


@contextmanager
def _native_libraries_quiet() -> Iterator[None]:
    """Around all use of torch and mediapipe: threads that sleep instead of spinning, no chatter.

    TensorFlow Lite writes to file descriptor 2 whatever its log level is. What Python writes to
    standard error still arrives there.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("KMP_BLOCKTIME", "0")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for small matrices more are slower
    shown = sys.stderr
    with (
        Path(os.devnull).open("w") as nowhere,
        os.fdopen(os.dup(2), "w", buffering=1) as kept,
    ):
        if shown is sys.__stderr__:
            sys.stderr = kept
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept.fileno(), 2)
            sys.stderr = shown


def _peak_memory() -> str:
    """The most memory that this process has held, in words; nothing where no one counts it."""
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:  # Windows
        return ""
    unit = 1 if sys.platform == "darwin" else 1024
    return f", {getrusage(RUSAGE_SELF).ru_maxrss * unit / 1e6:.0f} MB of memory at most"


@app.command()
def export(
    identity: Annotated[
        Path, typer.Option(help="The photo or video: one face, frontal, well lit.")
    ],
    out: Annotated[
        Optional[Path], typer.Option(help="The bundle to write; NAME.avatar by default.")  # noqa: UP045
    ] = None,
    quality: Annotated[
        Quality, typer.Option(help="fast: seconds, no torch; best: minutes, fast first.")
    ] = Quality.best,
    size: Annotated[
        int, typer.Option(min=256, max=1024, help="Side of the frame in pixels.")
    ] = 512,
    title: Annotated[str, typer.Option(help="What people see; the file's name by default.")] = "",
    source: Annotated[str, typer.Option(help="Where the photo is from.")] = "a photo of the user's",
    licence: Annotated[str, typer.Option(help="The photo's licence.")] = "private",
    rights: Annotated[
        str, typer.Option(help="By which right this face may be animated.")
    ] = "the exporting user states to hold the rights to animate this face",
    progress: Annotated[ProgressStyle, typer.Option(help="How to report.")] = ProgressStyle.bar,
) -> None:
    """Turn a photo or a short video into an avatar: engine export --identity me.jpg

    A fast avatar is ready in seconds; at quality best it is replaced by a tuned one minutes later.
    """
    if any(find_spec(name) is None for name in ("mediapipe", "onnx")):
        raise MissingExtra("making an avatar", "photo")
    target = out or Path(f"{identity.stem}.avatar")
    began = perf_counter()
    kept = False

    def tell(event: dict[str, object]) -> None:
        if progress is ProgressStyle.json:
            sys.stdout.write(json.dumps(event) + "\n")
            sys.stdout.flush()

    def usable(warnings: Sequence[str]) -> None:
        nonlocal kept
        for warning in warnings:
            _err.print(f"note: {warning}", soft_wrap=True)
            tell({"note": warning})
        kept = quality is Quality.best
        if kept:
            tell({"usable": True})
        if kept and progress is ProgressStyle.bar:
            _err.print(f"{target} can be used already; the best one replaces it", soft_wrap=True)

    try:
        with _native_libraries_quiet(), _progress(progress) as report:
            from export.bundle import Identity
            from export.identity import export_identity

            who = Identity(target.stem, title or target.stem, source, licence, rights)
            made = export_identity(
                identity, target, who, quality=quality.value, size=size, progress=report,
                usable=usable,
            )  # fmt: skip
    except BaseException as error:
        if kept:
            _err.print(
                f"note: {target} is the fast avatar, which can be used; "
                "the same command makes the best one",
                soft_wrap=True,
            )
        if isinstance(error, KeyboardInterrupt):
            raise typer.Exit(130) from None
        raise
    if made.measured:
        _err.print(made.measured, soft_wrap=True)
        tell({"measured": made.measured})
    if progress is not ProgressStyle.json:
        cost = f"{perf_counter() - began:.1f} s{_peak_memory()}"
        _out.print(f"{target} ({target.stat().st_size / 1e6:.1f} MB) in {cost}", soft_wrap=True)


@app.command()
def render(
    avatar: Annotated[str, typer.Option(help="A built-in avatar's name, or a file.")],
    audio: Annotated[Path, typer.Option(help="Speech: wav, mp3, ogg, m4a ...")],
    out: Annotated[Path, typer.Option(help="The mp4 to write.")],
    liveliness: Annotated[float, typer.Option(min=0, max=2, help="Blinks, gaze, sway.")] = 1.0,
    expression: Annotated[float, typer.Option(min=0, max=2, help="How far the mouth goes.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Another seed blinks at other times.")] = 0,
    progress: Annotated[ProgressStyle, typer.Option(help="How to report.")] = ProgressStyle.bar,
) -> None:
    """Let an avatar speak a sound file: engine render --avatar X --audio in.wav --out out.mp4"""
    from engine.avatar import Avatar, find_avatar
    from engine.pipeline import Pipeline
    from engine.render import render as render_file
    from engine.render import sound_seconds
    from engine.speech import SpeechModel

    pipeline = Pipeline(
        Avatar.load(find_avatar(avatar)), SpeechModel.load(), liveliness, expression
    )
    seconds = sound_seconds(audio)
    with _progress(progress) as report:
        frames = render_file(
            pipeline,
            audio,
            out,
            seed=seed,
            progress=lambda done: report("rendering", min(done / seconds, 1.0) if seconds else 0.0),
        )
    if progress is not ProgressStyle.json:
        _out.print(f"{out} ({frames} frames)", soft_wrap=True)


@app.command()
def serve(
    avatar: Annotated[
        Optional[list[str]], typer.Option(help="Name or file; all that are built in by default.")  # noqa: UP045
    ] = None,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "localhost",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8080,
    max_sessions: Annotated[
        str, typer.Option(help="Live at a time; auto for what the machine carries.")
    ] = "auto",
    token: Annotated[
        Optional[str], typer.Option(envvar="AVATAR_TOKEN", help="Asked of every request.")  # noqa: UP045
    ] = None,
    open_to_all: Annotated[
        bool, typer.Option("--open-to-all", help="Listen beyond this machine without a token.")
    ] = False,
    public_url: Annotated[
        Optional[str], typer.Option(help="How browsers reach it through a proxy on this machine.")  # noqa: UP045
    ] = None,
    tls: Annotated[
        Optional[tuple[Path, Path]],  # noqa: UP045
        typer.Option(metavar="CERT KEY", help="Serve https with these PEM files."),
    ] = None,
    media_address: Annotated[
        Optional[list[str]], typer.Option(help="Of this machine, for media; all by default.")  # noqa: UP045
    ] = None,
    ice_server: Annotated[
        Optional[list[str]], typer.Option(help="stun:HOST:PORT or turn:HOST:PORT, repeatable.")  # noqa: UP045
    ] = None,
    ice_username: Annotated[Optional[str], typer.Option(help="For the TURN server.")] = None,  # noqa: UP045
    ice_credential: Annotated[
        Optional[str], typer.Option(envvar="AVATAR_ICE_CREDENTIAL", help="For the TURN server.")  # noqa: UP045
    ] = None,
    turn_secret: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="AVATAR_TURN_SECRET", help="Shared with TURN instead of a password."),
    ] = None,
    mark: Annotated[
        Optional[str], typer.Option(help='Text in the corner of every picture: "AI generated".')  # noqa: UP045
    ] = None,
    log_format: Annotated[LogFormat, typer.Option(help="For people or for programs.")] = (
        LogFormat.text
    ),
    log_level: Annotated[LogLevel, typer.Option(help="info tells of each session.")] = (
        LogLevel.warning
    ),
) -> None:
    """Serve the page where a face talks along with your microphone."""
    from server.app import Settings
    from server.app import serve as run_server
    from server.ice import IceServers
    from server.logs import configure

    if max_sessions != "auto" and not (max_sessions.isdecimal() and int(max_sessions)):
        raise BadInput(f"got --max-sessions {max_sessions}, expected auto or a number from 1 on")
    configure(log_format.value, log_level.value)
    settings = Settings(
        host=host,
        port=port,
        max_sessions=None if max_sessions == "auto" else int(max_sessions),
        token=token,
        open_to_all=open_to_all,
        public_url=public_url,
        ice_servers=IceServers(tuple(ice_server or ()), ice_username, ice_credential, turn_secret),
        media=tuple(media_address or ()),
        certificate=tls,
        mark=mark,
    )
    run_server(
        avatar or [], settings, lambda address: _out.print(f"Ready: {address}", soft_wrap=True)
    )


@app.command()
def info(
    avatar: Annotated[str, typer.Argument(help="A built-in avatar's name, or a file.")],
) -> None:
    """Show what a bundle holds."""
    from engine.avatar import Avatar, find_avatar

    path = find_avatar(avatar)
    loaded = Avatar.load(path)
    table = Table(show_header=False, box=None)
    manifest = loaded.manifest
    for label, value in (
        ("name", loaded.name),
        ("title", loaded.title),
        ("file", f"{path.name}, {path.stat().st_size / 1e6:.1f} MB, every hash verified"),
        ("frame", f"{loaded.width} x {loaded.height}, {manifest.get('fps')} fps"),
        ("generator", ", ".join(f"{k} {v}" for k, v in manifest.get("generator", {}).items())),
        ("source", manifest.get("source")),
        ("licence", manifest.get("licence")),
        ("rights", manifest.get("rights")),
        ("made with", ", ".join(f"{k} {v}" for k, v in manifest.get("made_with", {}).items())),
    ):
        table.add_row(label, str(value))
    _out.print(table)


@app.command()
def bench(
    avatar: Annotated[
        Optional[str], typer.Option(help="Name or file; the first built-in one by default.")  # noqa: UP045
    ] = None,
    frames: Annotated[int, typer.Option(min=10, help="Frames to measure over.")] = 200,
) -> None:
    """Measure every stage of the pipeline on one core."""
    from engine.avatar import Avatar, builtin_avatars, find_avatar
    from engine.bench import measure

    chosen = avatar or next(iter(builtin_avatars()), "")
    rows = measure(Avatar.load(find_avatar(chosen)), frames)
    table = Table("stage", "median ms", "p95 ms", "CPU ms", "% of a core at 25 fps")
    for row in rows:
        table.add_row(
            row.stage,
            f"{row.median:.2f}",
            f"{row.p95:.2f}",
            f"{row.cpu:.2f}",
            f"{row.cpu * 2.5:.0f}",
        )
    _out.print(table)


@app.command()
def doctor() -> None:
    """Check what is installed and say what is missing for what."""
    from engine.doctor import examine

    checks = examine()
    for check in checks:
        mark = "ok     " if check.passed else "missing"
        _out.print(f"{mark} {check.what}: {check.finding}", soft_wrap=True)
        if check.remedy:
            _out.print(f"        {check.remedy}", soft_wrap=True)
    if any(check.needed and not check.passed for check in checks):
        raise typer.Exit(1)


def main() -> None:
    """Entry point. Bad input ends with exit code 2 and one message, never with a traceback."""
    try:
        app()
    except AvatarEngineError as error:
        _err.print(f"error: {error}", soft_wrap=True)
        raise SystemExit(2) from None
    except ImportError as error:
        if ".so" not in str(error):
            raise  # not a library of the system's: a defect of ours
        _err.print(f"error: {error}: see `engine doctor`", soft_wrap=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
