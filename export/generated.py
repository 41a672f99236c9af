"""From a photo and a generator that a user brings to a bundle: ``engine export --generator``.

The seed method with one photo: inversion into W+, displacements fitted on the puppet's frames,
pivotal tuning on the same frames, ONNX. The picture of the generator covers the photo where faces
of its training lie; around it the photo stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.avatar import Avatar
from engine.compositor import Compositor
from engine.errors import BadInput
from engine.output import written_whole
from engine.teeth import Teeth
from export.align import ffhq_matrix, scored_matrix
from export.bundle import Identity, write_bundle
from export.canvas import canvas_picture
from export.generator.checkpoints import Checkpoint, Encoder, read_checkpoint, read_encoder
from export.generator.ir_se import INPUT, StyleEncoder
from export.generator.picture import PictureGenerator, picture_onnx
from export.generator.stylegan2 import Synthesis as StyleGAN2Synthesis
from export.identity import Progress, Report, Subject, read_subject, staged
from export.landmarks import EYES, OUTER_LIPS
from export.masked import masked
from export.motions import sample_motions
from export.multiscale import Focused, MultiScaleFeatures
from export.perceptual import VGG16Features
from export.pivotal import PivotalPlan, pivotal_tuning
from export.projector import Projection, project
from export.puppet import Puppet
from export.trajectory import fit_displacement
from export.verify import verify_face

__all__ = ["EFFORTS", "STAGES", "Effort", "export_generated"]

STAGES = {
    "reading the photo": 0.02,
    "moving the puppet": 0.05,
    "inverting the photo": 0.25,
    "inverting its motion": 0.13,
    "fitting displacements": 0.15,
    "tuning the generator": 0.35,
    "writing ONNX": 0.05,
}
_PART_LIMIT = 64 << 20  # of a bundle
_CANVAS = 128  # pixels of the puppet's fields
_TOLERANCE = 5e-3


@dataclass(frozen=True)
class Effort:
    """frames: of the puppet. project: steps to invert the photo; with an encoder a fifth of them.
    keys, key_steps: frames to invert where there is no encoder, and steps. displace, tune: steps
    of four frames."""

    frames: int
    project: int
    keys: int
    key_steps: int
    displace: int
    tune: int


EFFORTS = {
    "fast": Effort(frames=60, project=100, keys=16, key_steps=20, displace=60, tune=80),
    "best": Effort(frames=200, project=500, keys=32, key_steps=60, displace=250, tune=350),
}


def export_generated(
    photo: Path,
    out: Path,
    identity: Identity,
    *,
    generator: Path,
    encoder: Path | None = None,
    vgg: Path | None = None,
    quality: str = "best",
    size: int = 512,
    progress: Progress = lambda stage, share: None,
    told: Callable[[Sequence[str]], None] = lambda notes: None,
) -> Report:
    """Make the bundle from a photo with a generator from a file.

    encoder: a file of an encoder for this generator; where neither file has one, inversion begins
    at the mean face. vgg: a file of VGG16 (torchvision's), to compare pictures with. told: notes on
    the photo and on how the work is done, before it is done.

    Raises BadCheckpoint and BadPhoto, and BadInput for a generator that no bundle can hold.
    Raises ModelMismatch for a file that is not VGG16.
    """
    effort = EFFORTS[quality]
    checkpoint = read_checkpoint(generator)
    _check_size(checkpoint)
    own = read_encoder(encoder, checkpoint.generator) if encoder else checkpoint.encoder
    report = staged(progress, STAGES)
    with written_whole(out) as partial_file:
        subject = read_subject(photo, identity, size)
        report("reading the photo")(1.0)
        phi = VGG16Features(vgg) if vgg else MultiScaleFeatures()
        notes = (
            *subject.notes,
            f"the generator is {checkpoint.kind}; its licence is its maker's",
            f"pictures are compared by {phi.name}",
            *(() if own else ("no encoder was given: inversion begins at the mean face",)),
        )
        told(notes)
        work = _Work(subject.puppet, checkpoint, own, phi, effort, report)
        model, worst = work.model()
        avatar = _write(partial_file, subject, work, model, quality)
        report("writing ONNX")(1.0)
    return Report(avatar, worst, notes)


class _Work:
    """One export at its work; each step keeps what the next ones need."""

    def __init__(
        self,
        puppet: Puppet,
        checkpoint: Checkpoint,
        encoder: Encoder | None,
        phi: nn.Module,
        effort: Effort,
        report: Callable[[str], Callable[[float], None]],
    ) -> None:
        self.puppet, self.checkpoint, self.encoder = puppet, checkpoint, encoder
        self.effort, self.report = effort, report
        self.size = checkpoint.generator.config.resolution
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        points = puppet.rest @ puppet.matrix[:, :2].T + puppet.matrix[:, 2]
        align = ffhq_matrix if checkpoint.aligned == "ffhq" else scored_matrix
        self.matrix = align(points)
        self.generator = checkpoint.generator.to(self.device)
        self.phi = Focused(phi, self._boxes(points)).to(self.device)
        torch.manual_seed(0)

    def _boxes(self, points: NDArray[np.float64]) -> tuple[tuple[slice, slice], ...]:
        """Mouth and eyes with some skin around, in pixels of the aligned picture."""
        linear = np.linalg.inv(self.matrix[:, :2])
        unit = (points - self.matrix[:, 2]) @ linear.T
        eyes = [k for eye in EYES for lid in eye for k in lid]
        boxes = []
        for group, around in ((list(OUTER_LIPS), 0.45), (eyes, 0.25)):
            low, high = unit[group].min(0), unit[group].max(0)
            reach = around * (high - low).max() * np.array([0.5, 1.0])
            x0, y0 = ((low - reach) * self.size).clip(0, self.size - 16).astype(int)
            x1, y1 = ((high + reach) * self.size).clip(0, self.size).astype(int)
            boxes.append((slice(y0, max(y1, y0 + 16)), slice(x0, max(x1, x0 + 16))))
        return tuple(boxes)

    def model(self) -> tuple[bytes, float]:
        """``face.onnx``, and its greatest difference from the network over 50 motions."""
        faces, pictures = self._puppet_frames()
        pivot = self._pivot(pictures[:1])
        codes = self._displacements(pictures, pivot)
        draw = self._draw
        decoder = fit_displacement(
            draw,
            pivot,
            faces,
            lambda chosen: self._input(pictures[chosen.cpu()]),
            codes,
            self.phi,
            steps=self.effort.displace,
            progress=self.report("fitting displacements"),
        )
        with torch.no_grad():
            pivots = pivot + decoder(faces, pivot.expand(len(faces), -1, -1))
        tuned = pivotal_tuning(
            self.generator.synthesis,
            pivots,
            self._input(pictures),
            self.phi,
            self._random_w,
            PivotalPlan(steps=self.effort.tune, locality_every=4),
            self.report("tuning the generator"),
        )
        picture = PictureGenerator(tuned.cpu(), decoder.cpu(), pivot.cpu()).eval()
        picture.round_to_half()
        model = picture_onnx(picture, self.checkpoint.kind)
        return model, verify_face(picture, model, ["rgb"], _TOLERANCE)

    def _puppet_frames(self) -> tuple[Tensor, Tensor]:
        """Motions ``[K, 52]`` and aligned pictures ``[K, N, N, 3]`` uint8; the first is rest."""
        puppet, progress = self.puppet, self.report("moving the puppet")
        compositor = Compositor(puppet.image, puppet.matrix, _CANVAS, puppet.teeth())
        faces = sample_motions(self.effort.frames, np.random.default_rng(0))
        faces[0] = 0
        still = np.zeros(3, np.float32)
        pictures = []
        for k, face in enumerate(faces):
            frame = compositor.draw(puppet.canvas(face, _CANVAS), still) if k else puppet.image
            pictures.append(canvas_picture(frame, self.matrix, self.size))
            progress((k + 1) / len(faces))
        return torch.from_numpy(faces).to(self.device), torch.from_numpy(np.stack(pictures))

    def _input(self, pictures: Tensor) -> Tensor:
        """uint8 ``[B, N, N, 3]`` -> ``[B, 3, N, N]``, black -1 and white 1."""
        return pictures.to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1

    def _draw(self, ws: Tensor) -> Tensor:
        drawn: Tensor = self.generator.synthesis(ws)
        return drawn

    def _random_w(self, count: int) -> Tensor:
        z = torch.randn(count, self.generator.config.z_dim, device=self.device)
        with torch.no_grad():
            w: Tensor = self.generator.mapping(z)
        return w

    @torch.no_grad()
    def _encoded(self, pictures: Tensor) -> Tensor:
        assert self.encoder is not None
        encoder = self.encoder.to(self.device)
        side = INPUT if isinstance(encoder, StyleEncoder) else self.size
        found = []
        for part in pictures.split(8):
            x = nn.functional.interpolate(
                self._input(part), (side, side), mode="bilinear", antialias=True
            )
            found.append(encoder(x))
        return torch.cat(found)

    def _pivot(self, picture: Tensor) -> Tensor:
        """w_I ``[1, num_ws, w_dim]``."""
        mean, self.spread = self.generator.mapping.statistics(2000)
        rows, steps = self.generator.synthesis.num_ws, self.effort.project
        start = mean.expand(1, rows, -1)
        if self.encoder is not None:
            start, steps = self._encoded(picture), max(20, steps // 5)
        synthesis, noises = self.generator.synthesis, []
        if isinstance(synthesis, StyleGAN2Synthesis) and synthesis.noise_is_used():
            noises = synthesis.noises()
        plan = Projection(steps=steps, stray=0.002)
        return project(
            self._draw,
            self._input(picture),
            start,
            self.spread,
            self.phi,
            plan,
            self.report("inverting the photo"),
            noises,
        )

    def _displacements(self, pictures: Tensor, pivot: Tensor) -> Tensor:
        """Codes of frames, relative to that of the first: ``[n, num_ws, w_dim]``."""
        progress = self.report("inverting its motion")
        if self.encoder is not None:
            codes = self._encoded(pictures)
            progress(1.0)
            return codes - codes[:1]
        some = pictures[: self.effort.keys]
        plan = Projection(
            steps=self.effort.key_steps, rate=0.03, jitter=0.0, pixels=4.0, stray=0.02
        )
        parts = list(some.split(4))
        found = []
        for k, part in enumerate(parts):
            tell = partial(_share, progress, k / len(parts), 1 / len(parts))
            found.append(
                project(self._draw, self._input(part), pivot, self.spread, self.phi, plan, tell)
            )
        return torch.cat(found) - pivot


def _share(progress: Callable[[float], None], start: float, width: float, share: float) -> None:
    progress(start + width * share)


def _check_size(checkpoint: Checkpoint) -> None:
    """Before hours of work: weights are stored in half precision, styles are merged away."""
    synthesis = checkpoint.generator.synthesis
    kept = [v for k, v in synthesis.state_dict().items() if ".affine." not in k]
    # Demodulation keeps a ninth of every 3x3 weight again.
    size = sum(v.numel() * 2 * (10 / 9 if v.ndim == 4 else 1) for v in kept)
    if size > 0.98 * _PART_LIMIT:
        raise BadInput(
            f"the generator would take {size / 1e6:.0f} MB of a bundle, expected at most "
            f"{_PART_LIMIT / 1e6:.0f}: take one with fewer channels"
        )


def _write(out: Path, subject: Subject, work: _Work, model: bytes, quality: str) -> Avatar:
    if subject.hidden:
        model = masked(model, subject.hidden)
    nothing = np.zeros((2, 2, 4), np.uint8)
    # The generator draws teeth itself; layers of none, far from anything.
    teeth = Teeth(nothing, nothing, np.array([-4096.0, -4096.0]))
    puppet = subject.puppet
    facts = {
        "family": "stylegan3" if "StyleGAN3" in work.checkpoint.kind else "stylegan2",
        "size": work.size,
        "kind": work.checkpoint.kind,
        "quality": quality,
        "steps": work.effort.tune,
    }
    return write_bundle(
        out, subject.identity, puppet.image, work.matrix, teeth, model, facts, puppet.matrix
    )
