"""From a photo to a bundle: the whole of ``engine export`` in one readable file.

The fast avatar comes first whatever the quality: the released generator with this person's pivot,
without tuning and without torch. The best one takes its place when it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from engine.avatar import Avatar
from engine.errors import BadInput, MissingExtra
from engine.motion import ARKIT, coefficients
from engine.output import written_whole
from engine.runtime.onnx import OnnxModel
from export.align import frame_photo
from export.bundle import Identity, write_bundle
from export.canvas import canvas_picture
from export.masked import EYES_AND_BROWS, masked
from export.photo import find_face, read_photo
from export.puppet import Puppet
from export.quality import Verdict
from export.rest import at_rest
from export.template import Template
from export.verify import verify_face
from export.video_reading import is_video

__all__ = ["STAGES", "Report", "Subject", "export_identity", "read_subject", "staged"]

# What is done for each quality, in order, and its share of the time.
STAGES = {
    "fast": {"reading the photo": 0.6, "placing the face": 0.2, "proving the model": 0.2},
    "best": {
        "reading the photo": 0.03,
        "placing the face": 0.01,
        "proving the model": 0.01,
        "moving the puppet": 0.12,
        "tuning the generator": 0.73,
        "writing ONNX": 0.10,
    },
}
# Over 21 faces the untuned mouth overlaps the right one by 0.7 and more, or by 0.25 and less.
_MISPLACED = 0.5
_HALF_TOLERANCE = 5e-3  # of ONNX against torch: the weights are stored in half precision

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Report:
    """worst: greatest difference of ONNX from what it was made from, over 50 motions.
    warnings: what the user should know. measured: on its person's video, in words."""

    avatar: Avatar
    worst: float
    warnings: tuple[str, ...]
    measured: str = ""


@dataclass(frozen=True)
class Subject:
    """Whom the avatar shows, as every way of making one needs it.

    hidden: coefficients of what the photo does not show. notes: on the photo.
    """

    identity: Identity
    puppet: Puppet
    hidden: tuple[str, ...]
    notes: tuple[str, ...]

    def write(self, out: Path, model: bytes, **facts: object) -> Avatar:
        """The bundle with this ``face.onnx``."""
        if self.hidden:
            model = masked(model, self.hidden)
        puppet = self.puppet
        facts = {"family": "lite"} | facts
        return write_bundle(
            out, self.identity, puppet.image, puppet.matrix, puppet.teeth(), model, facts
        )


def export_identity(
    photo: Path,
    out: Path,
    identity: Identity,
    *,
    quality: str = "best",
    size: int = 512,
    progress: Progress = lambda stage, share: None,
    usable: Callable[[Sequence[str]], None] = lambda warnings: None,
) -> Report:
    """Make the bundle from a photo, or from a video (``export.video``).

    quality:  "fast" or "best". size: side of the frame in pixels.
    progress: told the stage and the share of the whole that is done, 0 to 1.
    usable:   told the warnings once, as soon as ``out`` holds an avatar. At quality "best" that is
              long before the end; whatever ends the work after it, that avatar stays.

    Raises BadPhoto, and BadInput where ``out`` can not be written; ``out`` is as it was then.
    Raises MissingExtra before any work where something is not installed.
    """
    if size % 2:
        raise BadInput(f"the frame is to have a side of {size} pixels, expected an even number")
    if is_video(photo):
        from export.video import export_video

        return export_video(
            [photo], out, identity, quality=quality, size=size, progress=progress, usable=usable
        )
    if quality == "best" and find_spec("torch") is None:
        raise MissingExtra("tuning an avatar (--quality best; fast goes without)", "export")
    report = staged(progress, STAGES[quality])
    with written_whole(out) as partial:
        subject = read_subject(photo, identity, size)
        report("reading the photo")(1.0)
        made = _fast(subject, partial, report)
    usable(made.warnings)
    if quality == "best":
        with written_whole(out) as partial:
            made = _best(subject, partial, report)
    return made


def read_subject(photo: Path, identity: Identity, size: int) -> Subject:
    """The face of a photo in its frame, at rest. Raises BadPhoto."""
    picture = read_photo(photo)
    portrait = find_face(picture.image)
    framing = frame_photo(portrait.image, portrait.landmarks, size)
    puppet = at_rest(framing.image, framing.landmarks)
    notes = (*picture.notes, *portrait.notes, *portrait.quality.notes(), *framing.notes())
    eyes_hidden = portrait.quality.found("eyes seen").verdict is not Verdict.good
    return Subject(identity, puppet, EYES_AND_BROWS if eyes_hidden else (), notes)


def _fast(subject: Subject, out: Path, report: Callable[[str], Callable[[float], None]]) -> Report:
    """The prior as it is, with this person's pivot."""
    template = Template.load()
    puppet = subject.puppet
    rest = puppet.fields(np.zeros(len(ARKIT), np.float32), template.size).stack()
    crop = canvas_picture(puppet.image, puppet.matrix, template.size)
    own = template.identity(crop, puppet.rest, rest, jaw_basis=puppet.jaw)
    model = template.filled(own)
    report("placing the face")(1.0)
    worst = template.prove(own, model, rest)
    avatar = subject.write(out, model, size=template.size, quality="fast", steps=0)
    report("proving the model")(1.0)
    notes = subject.notes
    if _mouth_agreement(OnnxModel(model), puppet, template.size) < _MISPLACED:
        notes = (
            *notes,
            "the quick avatar's mouth sits badly on this face: --quality best mends it",
        )
    return Report(avatar, worst, notes)


def _mouth_agreement(model: OnnxModel, puppet: Puppet, size: int) -> float:
    """Overlap of the opened mouth with the puppet's, intersection over union."""
    face = coefficients(jawOpen=0.3)
    wanted = puppet.fields(face, size).alpha[0]
    drawn = model.run({"face": face[None]})["alpha"][0, 0]
    return float(np.minimum(wanted, drawn).sum() / np.maximum(wanted, drawn).sum())


def _best(subject: Subject, out: Path, report: Callable[[str], Callable[[float], None]]) -> Report:
    """The prior tuned to this person's puppet."""
    # Here and not above: torch takes seconds to load, and `fast` goes without it.
    from export.generator.prior import LitePrior
    from export.to_onnx import FACE_OUTPUTS, face_onnx
    from export.tune import BEST, puppet_frames, tune

    puppet = subject.puppet
    prior = LitePrior.load()
    size = prior.config.size
    faces, fields = puppet_frames(puppet, BEST.frames, size, report("moving the puppet"))
    crop = canvas_picture(puppet.image, puppet.matrix, size)
    generator = tune(
        prior, crop, puppet.rest, faces, fields, puppet.jaw, BEST, report("tuning the generator")
    )
    model = face_onnx(generator)
    worst = verify_face(generator, model, FACE_OUTPUTS, _HALF_TOLERANCE)
    avatar = subject.write(out, model, size=size, quality="best", steps=BEST.steps)
    report("writing ONNX")(1.0)
    return Report(avatar, worst, subject.notes)


def staged(
    progress: Progress, shares: dict[str, float]
) -> Callable[[str], Callable[[float], None]]:
    """Turn a stage's own progress into the whole's."""
    total = sum(shares.values())
    starts = dict(zip(shares, np.cumsum([0.0, *shares.values()]) / total, strict=False))

    def stage(name: str) -> Callable[[float], None]:
        return lambda share: progress(name, float(starts[name]) + share * shares[name] / total)

    return stage
