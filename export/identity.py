"""From a photo to a bundle: the whole of ``engine export`` in one readable file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.avatar import Avatar
from engine.errors import BadInput
from engine.face import FIELDS
from engine.output import written_whole
from engine.runtime.onnx import OnnxModel
from export.align import Framing, frame_photo
from export.bundle import Identity, write_bundle
from export.canvas import canvas_picture
from export.generator.prior import FaceGenerator, LitePrior
from export.motions import sample_motions
from export.photo import find_face, read_photo
from export.rest import at_rest
from export.to_onnx import face_onnx
from export.tune import PLANS, puppet_frames, tune
from export.verify import torch_step, verify

__all__ = ["STAGES", "Report", "export_identity"]

# Stages in order, and their shares of the time at quality "best".
STAGES = {
    "reading the photo": 0.02,
    "moving the puppet": 0.12,
    "tuning the generator": 0.74,
    "writing ONNX": 0.10,
    "packing the bundle": 0.02,
}
_ENLARGED = 1.4
_FIRST_SHARES = {"moving the puppet": 0.20, "tuning the generator": 0.40, "writing ONNX": 0.34}


@dataclass(frozen=True)
class Report:
    """worst: greatest difference of ONNX from torch. warnings: what the user should know."""

    avatar: Avatar
    worst: float
    warnings: tuple[str, ...]


def export_identity(
    photo: Path,
    out: Path,
    identity: Identity,
    *,
    quality: str = "best",
    size: int = 512,
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> Report:
    """Make the bundle.

    quality:  a name of ``export.tune.PLANS``. size: side of the frame in pixels.
    progress: told the stage and the share of the whole that is done, 0 to 1.

    Raises BadPhoto, and BadInput where ``out`` can not be written; leaves nothing behind then.
    """
    if size % 2:
        raise BadInput(f"the frame is to have a side of {size} pixels, expected an even number")
    plan = PLANS[quality]
    report = _staged(progress, STAGES | (_FIRST_SHARES if quality == "fast" else {}))
    picture = read_photo(photo)
    portrait = find_face(picture.image)
    framing = frame_photo(portrait.image, portrait.landmarks, size)
    puppet = at_rest(framing.image, framing.landmarks)
    report("reading the photo")(1.0)
    with written_whole(out) as partial:
        prior = LitePrior.load()
        canvas = prior.config.size
        faces, fields = puppet_frames(puppet, plan.frames, canvas, report("moving the puppet"))
        crop = canvas_picture(puppet.image, puppet.matrix, canvas)
        generator = tune(
            prior, crop, faces, fields, puppet.jaw, plan, report("tuning the generator")
        )
        model, worst = _proven(generator)
        report("writing ONNX")(1.0)
        facts = {"family": "lite", "size": canvas, "quality": quality, "steps": plan.steps}
        avatar = write_bundle(
            partial, identity, puppet.image, puppet.matrix, puppet.teeth(), model, facts
        )
    report("packing the bundle")(1.0)
    return Report(
        avatar,
        worst,
        (*picture.notes, *portrait.notes, *portrait.quality.notes(), *_warnings(framing)),
    )


def _proven(generator: FaceGenerator) -> tuple[bytes, float]:
    """The ONNX model after 50 random motions agreed with torch, and the worst difference."""
    model = face_onnx(generator)
    motions = sample_motions(50, np.random.default_rng(7))
    proof = verify(
        torch_step(generator, ["face"], [*FIELDS, "jaw"]),
        OnnxModel(model),
        lambda n: {"face": motions[n : n + 1]},
        steps=50,
        tolerance=5e-3,  # the weights are stored in half precision
    )
    return model, max(proof.worst.values())


def _staged(
    progress: Callable[[str, float], None], shares: dict[str, float]
) -> Callable[[str], Callable[[float], None]]:
    """Turn a stage's own progress into the whole's."""
    total = sum(shares.values())
    starts = dict(zip(shares, np.cumsum([0.0, *shares.values()]) / total, strict=False))

    def stage(name: str) -> Callable[[float], None]:
        return lambda share: progress(name, float(starts[name]) + share * shares[name] / total)

    return stage


def _warnings(framing: Framing) -> list[str]:
    """What is not wrong, but will show."""
    found = []
    if framing.padded > 0.02:
        found.append("the photo is tight around the face: its edge was continued")
    if framing.matrix[0, 0] > _ENLARGED:
        found.append("the face is small in the photo and was enlarged: a closer one is sharper")
    return found
