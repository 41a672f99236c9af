"""From a short video to a bundle: the whole of ``engine export --identity me.mp4``.

The fast avatar of the video's best frame comes first. The best one takes its place when it has been
tuned to what the video shows, and has been measured on the end of it that it never saw.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import BadPhoto, MissingExtra
from engine.motion import Motion
from engine.output import written_whole
from export.align import Framing, frame_photo
from export.bundle import Identity, write_bundle
from export.identity import Report, export_identity, staged
from export.rest import at_rest
from export.verify import verify_face
from export.video_evaluation import Evaluation, evaluate
from export.video_motion import Tracked, track_motion
from export.video_quality import FEWEST, Verdicts, judge
from export.video_reading import read_video
from export.video_rest import choose_rest
from export.video_score import aligned
from export.video_tracking import Track, track_video

__all__ = ["HELD_OUT", "VIDEO_STAGES", "VideoReport", "export_video"]

# What is done for each quality, in order, and its share of the time for a video of a minute.
VIDEO_STAGES = {
    "fast": {"reading the video": 0.8, "placing the face": 0.2},
    "best": {
        "reading the video": 0.12,
        "placing the face": 0.03,
        "tracking the motion": 0.13,
        "looking at real frames": 0.08,
        "moving the puppet": 0.04,
        "tuning the generator": 0.50,
        "writing ONNX": 0.04,
        "measuring the avatar": 0.06,
    },
}
HELD_OUT = 0.2  # share of the video at its end that nothing is learned from
_MOST_LESSONS, _MOST_MEASURED, _FEWEST_MEASURED = 600, 300, 10
_HALF_TOLERANCE = 5e-3  # of ONNX against torch: the weights are stored in half precision

Stages = Callable[[str], Callable[[float], None]]


@dataclass(frozen=True)
class VideoReport(Report):
    """evaluation: of the avatar on the held-out frames."""

    evaluation: Evaluation | None = None


@dataclass(frozen=True)
class _Film:
    """A video that was looked through. used: indices of its fit frames, ``[U]``.
    landmarks: of these, ``[U, 478, 3]``. taught, kept: which of these are learned from, and which
    are held out."""

    videos: Sequence[Path]
    used: NDArray[np.int64]
    landmarks: NDArray[np.float32]
    taught: NDArray[np.int64]
    kept: NDArray[np.int64]


def export_video(
    videos: Sequence[Path],
    out: Path,
    identity: Identity,
    *,
    quality: str = "best",
    size: int = 512,
    held_out: float = HELD_OUT,
    progress: Callable[[str, float], None] = lambda stage, share: None,
    usable: Callable[[Sequence[str]], None] = lambda warnings: None,
) -> Report:
    """Make the bundle from a video of one person, or from several files of the same sitting.

    quality: "fast" makes the avatar of the video's best frame, "best" tunes it to the video.
    size: side of the frame in pixels. held_out: share of the frames, the last ones, that the
    avatar is measured on. progress: told the stage and the share of the whole, 0 to 1.
    usable: told the warnings once, as soon as ``out`` holds the fast avatar.

    Raises BadPhoto, and BadInput where ``out`` can not be written; ``out`` is as it was then.
    """
    if quality == "best" and find_spec("torch") is None:
        raise MissingExtra("tuning an avatar (--quality best; fast goes without)", "export")
    report = staged(progress, VIDEO_STAGES[quality])
    notes: list[str] = []
    with written_whole(out) as partial, tempfile.TemporaryDirectory() as folder:
        track = track_video(videos, report("reading the video"), notes.append)
        verdicts = judge(track)
        notes.append(str(verdicts))
        lessons, tail = _split(verdicts, held_out)
        framing = _framing(videos, track, choose_rest(track, lessons), size)
        photo = Path(folder) / "rest.png"
        cv2.imwrite(str(photo), cv2.cvtColor(framing.image, cv2.COLOR_RGB2BGR))
        made = export_identity(photo, partial, identity, quality="fast", size=size)
        report("placing the face")(1.0)
    warnings = (*notes, *made.warnings)
    usable(warnings)
    if quality == "fast":
        return Report(made.avatar, made.worst, warnings)
    used = np.flatnonzero(verdicts.fit)
    film = _Film(
        videos, used, track.landmarks[used],
        np.flatnonzero(lessons.fit[used]), np.flatnonzero(tail[used]),
    )  # fmt: skip
    with written_whole(out) as partial:
        return _best(film, framing, partial, identity, warnings, report)


def _best(
    film: _Film,
    framing: Framing,
    out: Path,
    identity: Identity,
    warnings: tuple[str, ...],
    report: Stages,
) -> VideoReport:
    """The prior tuned to what this person does in the video."""
    # Here and not above: torch takes seconds to load, and `fast` goes without it.
    from export.generator.prior import LitePrior
    from export.to_onnx import FACE_OUTPUTS, face_onnx
    from export.tune import puppet_frames
    from export.video_frames import Scene, choose_frames, real_frames
    from export.video_layers import TeethLayers
    from export.video_tune import VIDEO_PLAN, tune_on_video

    scene = Scene(framing, at_rest(framing.image, framing.landmarks))
    puppet = scene.puppet
    tracked = track_motion(film.landmarks, scene.rest, report("tracking the motion"))
    prior = LitePrior.load()
    size = prior.config.size
    chosen = film.taught[choose_frames(film.landmarks[film.taught], _MOST_LESSONS)]
    real = real_frames(
        film.videos, film.used[chosen], film.landmarks[chosen], tracked.at(chosen), scene, size,
        report("looking at real frames"),
    )  # fmt: skip
    drawn = puppet_frames(puppet, VIDEO_PLAN.frames, size, report("moving the puppet"))
    generator, teeth = tune_on_video(
        prior, scene.photo, scene.mask, puppet.rest, drawn, real,
        TeethLayers(puppet.teeth(), puppet.matrix, len(scene.photo)),
        puppet.jaw, VIDEO_PLAN, report("tuning the generator"),
    )  # fmt: skip
    model = face_onnx(generator)
    worst = verify_face(generator, model, FACE_OUTPUTS, _HALF_TOLERANCE)
    report("writing ONNX")(1.0)
    parts = (out, identity, puppet.image, puppet.matrix, teeth, model)
    facts = {"family": "lite", "size": size, "quality": "best", "steps": VIDEO_PLAN.steps}
    avatar = write_bundle(*parts, facts)
    evaluation = evaluate(avatar, *_measured(film, tracked), report("measuring the avatar"))
    avatar = write_bundle(
        *parts, facts | {"lessons": len(chosen), "measured": evaluation.for_manifest()}
    )
    return VideoReport(avatar, worst, warnings, str(evaluation), evaluation)


def _split(verdicts: Verdicts, held_out: float) -> tuple[Verdicts, NDArray[np.bool_]]:
    """The verdicts with everything held out judged unfit, and what is held out and fit, ``[T]``.

    Raises BadPhoto where too little is left on either side.
    """
    held = np.arange(len(verdicts.reason)) >= round((1 - held_out) * len(verdicts.reason))
    lessons, tail = Verdicts(np.where(held, 0, verdicts.reason)), verdicts.fit & held
    if lessons.fit.sum() < FEWEST or tail.sum() < _FEWEST_MEASURED:
        raise BadPhoto(
            f"{verdicts}: {int(lessons.fit.sum())} to learn from and {int(tail.sum())} to measure "
            f"with, expected {FEWEST} and {_FEWEST_MEASURED} or more: film 10 seconds or more"
        )
    return lessons, tail


def _framing(videos: Sequence[Path], track: Track, rest: int, size: int) -> Framing:
    """The rest frame as the avatar's photo."""
    images = (f.image for f in read_video(videos, wanted={rest}, note=lambda text: None))
    image = next(image for image in images if image is not None)
    return frame_photo(image, track.landmarks[rest], size)


def _measured(
    film: _Film, tracked: Tracked
) -> tuple[list[Motion], list[tuple[NDArray[np.uint8], NDArray[np.float64]]]]:
    """Motions and real frames to measure on, as the protocol wants them."""
    few = np.linspace(0, len(film.kept) - 1, min(len(film.kept), _MOST_MEASURED)).astype(int)
    kept = film.kept[few]
    wanted = {
        int(i): points for i, points in zip(film.used[kept], film.landmarks[kept], strict=True)
    }
    real = [
        aligned(frame.image, wanted[frame.index])
        for frame in read_video(film.videos, wanted=wanted.keys(), note=lambda text: None)
        if frame.image is not None
    ]
    return [tracked.motion(k) for k in kept], real
