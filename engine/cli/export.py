"""``engine export``: a photo or a short video becomes an avatar."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from engine.cli import terminal
from engine.cli.terminal import ProgressStyle
from engine.errors import BadInput, MissingExtra

__all__ = ["Precision", "Quality", "export"]


class Precision(StrEnum):
    """Of the generator's convolutions on a GPU."""

    fp32 = "fp32"
    fp16 = "fp16"


class Quality(StrEnum):
    """fast: the released generator as it is. best: tuned to the person for minutes."""

    fast = "fast"
    best = "best"


def export(
    identity: Annotated[
        Path, typer.Option(metavar="FILE", help="The photo or the video, or an avatar.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The avatar to write; NAME.avatar by default."),
    ] = None,
    quality: Annotated[
        Quality, typer.Option(help="fast: seconds, no torch; best: minutes, fast first.")
    ] = Quality.best,
    size: Annotated[
        int, typer.Option(min=256, max=1024, metavar="PIXELS", help="Side of the frame in pixels.")
    ] = 512,
    generator: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A StyleGAN2 or 3 of your own in place of the built-in."),
    ] = None,
    encoder: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A pSp or e4e encoder for --generator.")
    ] = None,
    vgg: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="VGG16 of torchvision's, to compare pictures with."),
    ] = None,
    title: Annotated[
        str, typer.Option(metavar="TEXT", help="What people see; the file's name by default.")
    ] = "",
    source: Annotated[
        str, typer.Option(metavar="TEXT", help="Where the photo is from; kept in the avatar.")
    ] = "a photo of the user's",
    licence: Annotated[
        str, typer.Option(metavar="TEXT", help="The photo's licence; kept as well.")
    ] = "private",
    rights: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="By which right this face may be animated; kept, and shown by info.",
        ),
    ] = "the exporting user states to hold the rights to animate this face",
    precision: Annotated[
        Precision | None, typer.Option(help="Add the form for GPUs, in this precision.")
    ] = None,
    tensorrt: Annotated[
        bool, typer.Option("--tensorrt", help="And build its TensorRT plan for the GPU here.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only say how good the photo or video is.")
    ] = False,
    progress: Annotated[ProgressStyle, typer.Option(help="How to report.")] = ProgressStyle.bar,
) -> None:
    """Turn a photo or a short video into an avatar.

    Needs one face that looks into the camera, in even light, with the lips closed; or a video of 10
    seconds to 5 minutes of somebody who talks. And the extra `photo`, for best and videos `export`.

    Gives NAME.avatar, some 4 MB. At quality best a fast one is there within seconds, and replaced
    minutes later by one that is tuned to this face. Notes say what of the photo will show.

    With --check nothing is made, and the exit code is 2 where no avatar could be. With --precision
    the avatar gets a second form, some 7 MB, which GPUs draw for many streams at once; one that is
    there already gets it by `--identity NAME_OR_FILE`. With --generator the face is drawn by a
    StyleGAN from a file that you bring (docs/stylegan.md).

    \b
    Examples:
      engine export --identity me.jpg
      engine export --identity me.jpg --quality fast --title Kim --out kim.avatar
      engine export --identity me.mp4
      engine export --identity me.jpg --check
      engine export --identity me.avatar --precision fp16
      engine export --identity me.jpg --generator ffhq.pkl --encoder e4e_ffhq_encode.pt
    """
    from engine.avatar import builtin_avatars

    if tensorrt:
        precision = precision or Precision.fp16
    if precision and find_spec("torch") is None:
        raise MissingExtra("writing the form for GPUs", "export")
    if identity.suffix == ".avatar" or identity.name in builtin_avatars():
        _avatar(identity, out, precision, tensorrt, progress)
        return
    if any(find_spec(name) is None for name in ("mediapipe", "onnx")):
        raise MissingExtra("making an avatar", "photo")
    if check:
        _check(identity, progress)
        return
    if generator is None and (encoder or vgg):
        raise BadInput("got --encoder or --vgg alone, expected the --generator that they are for")
    if generator is not None and any(find_spec(name) is None for name in ("torch", "safetensors")):
        raise MissingExtra("exporting with a generator of your own", "export")
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
            terminal.err.print(f"note: {warning}", soft_wrap=True)
            tell({"note": warning})
        kept = quality is Quality.best and generator is None
        if kept:
            tell({"usable": True})
        if kept and progress is ProgressStyle.bar:
            terminal.err.print(
                f"{target} can be used already; the best one replaces it", soft_wrap=True
            )

    try:
        with _native_libraries_quiet(), terminal.progress(progress) as report:
            from export.bundle import Identity
            from export.identity import export_identity

            who = Identity(target.stem, title or target.stem, source, licence, rights)
            if generator is None:
                made = export_identity(
                    identity, target, who, quality=quality.value, size=size, progress=report,
                    usable=usable,
                )  # fmt: skip
            else:
                from export.generated import export_generated

                made = export_generated(
                    identity, target, who, generator=generator, encoder=encoder, vgg=vgg,
                    quality=quality.value, size=size, progress=report, told=usable,
                )  # fmt: skip
    except BaseException as error:
        if kept:
            terminal.err.print(
                f"note: {target} is the fast avatar, which can be used; "
                "the same command makes the best one",
                soft_wrap=True,
            )
        if isinstance(error, KeyboardInterrupt):
            raise typer.Exit(130) from None
        raise
    if made.measured:
        terminal.err.print(made.measured, soft_wrap=True)
        tell({"measured": made.measured})
    if precision:
        _add_gpu_form(target, target, precision, tensorrt, progress)
    if progress is not ProgressStyle.json:
        cost = f"{perf_counter() - began:.1f} s{_peak_memory()}"
        terminal.out.print(
            f"{target} ({target.stat().st_size / 1e6:.1f} MB) in {cost}", soft_wrap=True
        )


def _avatar(
    identity: Path,
    out: Path | None,
    precision: Precision | None,
    tensorrt: bool,
    progress: ProgressStyle,
) -> None:
    """An avatar that is there already gets its GPU form."""
    from engine.avatar import find_avatar

    source = find_avatar(str(identity))
    if precision is None:
        raise BadInput(
            f"{identity} is an avatar already, expected a photo or a video; or --precision fp16, "
            "which adds the form for GPUs to it"
        )
    # A built-in one is not ours to write over.
    target = out or (source if identity.suffix == ".avatar" else Path(f"{identity}.avatar"))
    _add_gpu_form(source, target, precision, tensorrt, progress)
    terminal.out.print(f"{target} ({target.stat().st_size / 1e6:.1f} MB)", soft_wrap=True)


def _add_gpu_form(
    source: Path, target: Path, precision: Precision, tensorrt: bool, style: ProgressStyle
) -> None:
    with _native_libraries_quiet(), terminal.progress(style) as report:
        from export.gpu_form import Precision as FormPrecision
        from export.gpu_form import add_gpu_form

        avatar, worst = add_gpu_form(source, target, FormPrecision(precision.value), report)
    terminal.err.print(
        f"GPU form in {precision}: the worst of 50 frames is {worst:.0f} dB from the CPU's",
        soft_wrap=True,
    )
    if tensorrt:
        from engine.devices import plan_for

        with terminal.progress(style) as report:
            line = plan_for(avatar, report=report)
        terminal.err.print(line, soft_wrap=True)


def _check(identity: Path, style: ProgressStyle) -> None:
    """How good a photo or a video is, as a list. Exits with 2 where it can not become an avatar."""
    with _native_libraries_quiet():
        from export.check import check

        found = check(identity)
    if style is ProgressStyle.json:
        sys.stdout.write(json.dumps(found.described()) + "\n")
    else:
        for item in found.items:
            terminal.out.print(f"{item.verdict.value:5}{item.label}", soft_wrap=True)
            if item.says:
                terminal.out.print(f"     {item.says}", soft_wrap=True)
    if not found.usable:
        raise typer.Exit(2)


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
