"""The puppet: one photo, its landmarks and a motion give a warp of the photo and a painted mouth.

It teaches the generator. Landmarks are displaced by the landmark basis; the photo follows over
MediaPipe's triangulation, in which mouth and eyes are holes: the eyes show the photo's own
eyeballs, which stay where they are while the lids pass over them, and the mouth shows the mouth
atlas.

Everything is measured in the canvas's unit square, x right, y down.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.face import Canvas
from engine.motion import ARKIT, ARKIT_INDEX
from engine.teeth import Teeth
from export.align import canvas_matrix
from export.basis import LandmarkBasis
from export.eyes import EyePaint
from export.fit import Fit, Pose, fit
from export.landmarks import (
    EYES,
    INNER_LIP_LOWER,
    INNER_LIP_UPPER,
    OUTER_LIPS,
    canthus_distance,
    lip_gap,
)
from export.light import enamel, sample
from export.mouth import Mouth
from export.outline import OVAL, RINGS, contour, meet, no_overlap, ring_triangles
from export.raster import fill, interpolate, polygon_coverage, triangle_index
from export.smile import Smile, own_teeth, seam_layer

__all__ = ["CLOSED_GAP", "Fields", "Puppet"]

# A photo with a lip gap under this share of the canthus distance counts as closed.
CLOSED_GAP = 0.035
# What is taken back of a photo's expression to close its mouth.
_CLOSING = {
    "jawOpen": 1.0, "mouthLowerDownLeft": 1.0, "mouthLowerDownRight": 1.0, "mouthFunnel": 1.0,
    "mouthUpperUpLeft": 0.9, "mouthUpperUpRight": 0.9,
    "mouthSmileLeft": 0.35, "mouthSmileRight": 0.35,
    "mouthStretchLeft": 0.5, "mouthStretchRight": 0.5,
}  # fmt: skip
_OVERSAMPLE = 2
# As a lid closes, its skin is taken from this much beyond the margin (in eye openings): lashes and
# the white that the landmarks include must not be stretched over the eye.
_LID_REACH = (0.42, 0.22)
_LIP_REACH = 0.25  # the same for a photo that shows its teeth
_TOOTH = 0.105  # most of an upper incisor that a smile shows, canthus distances
_SEAM_TONE = 0.62  # of the line between closed lips, against the lips
_IRISES = ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477))
_GAZE = 0.30  # iris travel at a coefficient of 1, in eye widths


@dataclass(frozen=True)
class Fields:
    """What a generator has to give, channels first, float32.

    flow:   ``[2, N, N]``: the photo is looked up at (x, y) + flow, in canvas units.
    alpha:  ``[1, N, N]``: how much of ``colour`` replaces the warped photo, 0 to 1.
    colour: ``[3, N, N]``: RGB 0 to 1, meaningful where alpha is above 0; a mouth without teeth.
    light:  ``[1, N, N]``: how much light falls on teeth, 0 to 1, meaningful where alpha is above 0.
    tongue: ``[1, N, N]``: how much the tongue hides the lower teeth, 0 to 1, likewise.
    """

    flow: NDArray[np.float32]
    alpha: NDArray[np.float32]
    colour: NDArray[np.float32]
    light: NDArray[np.float32]
    tongue: NDArray[np.float32]

    def stack(self) -> NDArray[np.float32]:
        """``[8, N, N]``: flow, alpha, colour, light, tongue."""
        return np.concatenate([self.flow, self.alpha, self.colour, self.light, self.tongue])


class Puppet:
    """One person's puppet.

    image:     ``[H, W, 3]`` uint8 RGB.
    landmarks: ``[478, 3]`` pixels of ``image`` (FaceMesh.detect).
    identity:  a fit of the same person, to reuse its identity (video).
    smile:     what the photo showed of its teeth before its mouth was closed (``export.rest``).
    """

    def __init__(
        self,
        image: NDArray[np.uint8],
        landmarks: NDArray[np.float32],
        identity: Fit | None = None,
        smile: Smile | None = None,
    ) -> None:
        self.basis = LandmarkBasis.load()
        self.matrix = canvas_matrix(landmarks)
        linear = np.linalg.inv(self.matrix[:, :2])
        points = (landmarks[:, :2].astype(np.float64) - self.matrix[:, 2]) @ linear.T
        self.gap = float(lip_gap(points))
        self.unit = float(canthus_distance(points))
        if self.gap < CLOSED_GAP:
            points = meet(points, INNER_LIP_UPPER, INNER_LIP_LOWER)
        self.source = points[:468]
        self.irises = points[468:]
        # The fit works in pixels of about a face's usual size.
        fitted = fit(points * 256, identity, fix_identity=identity is not None)
        pose = fitted.pose
        self.pose = Pose(pose.rotation, pose.scale / 256, pose.shift / 256)
        self.fit = fitted
        shape = self.basis.neutral + np.tensordot(fitted.identity, self.basis.identity, 1)
        self._shape = shape
        self._displacement = self.pose.project_displacement(shape, self.basis.expression)
        self._calibrate_blinks()
        self.rest = self._close_mouth()
        self.image = image
        self._smile = smile
        self._mouth = Mouth(
            replace(fitted, pose=self.pose),
            self.rest[[13, 14]].mean(0),
            float(np.linalg.norm(self.rest[61] - self.rest[291])),
            enamel(image, landmarks),
            smile.edge if smile else None,
        )
        lips = sample(image, landmarks[[*OUTER_LIPS, *INNER_LIP_LOWER, *INNER_LIP_UPPER], :2])
        self._seam = (_SEAM_TONE * np.median(lips, axis=0)).astype(np.float32)
        self._eyes = EyePaint(image, landmarks)
        self._triangles = np.concatenate([self.basis.triangles, ring_triangles()])

    @property
    def jaw(self) -> NDArray[np.float64]:
        """``[52, 2]``: canvas widths that the lower teeth move with each coefficient."""
        return self._mouth.jaw

    def teeth(self) -> Teeth:
        """Both rows of teeth, in pixels of the image; those that a smile showed are its own."""
        drawn = self._mouth.teeth(self.matrix)
        return own_teeth(drawn, self._smile, self.matrix) if self._smile else drawn

    def smile(self) -> Smile:
        """What an open mouth shows. In a smile the upper teeth end near the lower lip."""
        upper, lower = self.source[13], self.source[14]
        opening = lower - upper
        reach = min(0.9, _TOOTH * self.unit / float(np.linalg.norm(opening)))
        outline = contour(self.source, INNER_LIP_UPPER, INNER_LIP_LOWER)
        return Smile(self.image, outline, upper + reach * opening)

    # -- geometry ---------------------------------------------------------------------------------

    def landmarks(self, face: NDArray[np.floating]) -> NDArray[np.float64]:
        """Landmarks at a motion: ``[52]`` coefficients -> ``[468, 2]`` canvas units."""
        moved = self.rest + np.tensordot(face, self._displacement, 1)
        for (upper, lower), side in zip(EYES, ("Right", "Left"), strict=True):
            blink = float(face[ARKIT_INDEX[f"eyeBlink{side}"]])
            above, below = self.rest[list(upper)], self.rest[list(lower)]
            other = np.tensordot(face, self._lidless, 1)
            moved[list(upper)] = above + blink * 0.88 * (below - above) + other[list(upper)]
            moved[list(lower)] = below + blink * 0.12 * (above - below) + other[list(lower)]
            moved = no_overlap(moved, upper, lower)
        return no_overlap(moved, INNER_LIP_UPPER, INNER_LIP_LOWER)

    def _calibrate_blinks(self) -> None:
        """Scale the basis's blink to this photo's eye opening; lid margins move on their own."""
        self._lidless = self._displacement.copy()
        for (upper, lower), side in zip(EYES, ("Right", "Left"), strict=True):
            k = ARKIT_INDEX[f"eyeBlink{side}"]
            middle = slice(2, -2)
            opening = self.source[list(lower)][middle, 1] - self.source[list(upper)][middle, 1]
            closes = self._displacement[k][list(upper)][middle, 1]
            self._displacement[k] *= 0.88 * opening.mean() / max(float(closes.mean()), 1e-4)
            self._lidless[k] = 0

    def _close_mouth(self) -> NDArray[np.float64]:
        """Landmarks at rest. A photo with an open mouth is closed: first by taking back what opened
        it, then by letting the lips meet, the skin around following with distance."""
        if self.gap < CLOSED_GAP:
            return self.source
        undo = np.zeros(len(ARKIT))
        for name, share in _CLOSING.items():
            undo[ARKIT_INDEX[name]] = -share * self.fit.face[ARKIT_INDEX[name]]
        rest = self.source + np.tensordot(undo, self._displacement, 1)
        upper, lower = rest[list(INNER_LIP_UPPER)], rest[list(INNER_LIP_LOWER)]
        # The lower lip travels further than the upper one.
        seam = 0.55 * upper + 0.45 * lower
        push = {"upper": (upper, seam - upper), "lower": (lower, seam - lower)}
        source_y = np.interp(
            self.source[:, 0],
            self.source[list(INNER_LIP_UPPER), 0],
            self.source[[*INNER_LIP_UPPER], 1] / 2 + self.source[[*INNER_LIP_LOWER], 1] / 2,
        )
        above = (self.source[:, 1] < source_y)[:, None]
        moves = []
        for anchors, delta in push.values():
            distance = np.linalg.norm(rest[:, None] - anchors[None], axis=-1)
            weight = np.exp(-((distance / (0.10 * self.unit)) ** 2)) + 1e-12
            near = np.exp(-((distance.min(1) / (0.30 * self.unit)) ** 2))[:, None]
            moves.append(near * (weight @ delta) / weight.sum(1, keepdims=True))
        rest = rest + np.where(above, *moves)
        return meet(rest, INNER_LIP_UPPER, INNER_LIP_LOWER)

    def _with_rings(
        self, points: NDArray[np.float64], displacement: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Append the rings around the face: ``[468 + 36 R, 2]``."""
        oval = self.source[list(OVAL)]
        centre = oval.mean(0)
        rings = [
            centre + reach * (oval - centre) + share * displacement[list(OVAL)]
            for reach, share in RINGS
        ]
        return np.concatenate([points, *rings])

    # -- fields -----------------------------------------------------------------------------------

    def fields(
        self, face: NDArray[np.floating], size: int, points: NDArray[np.float64] | None = None
    ) -> Fields:
        """Flow, alpha and colour at a motion, on a ``size`` x ``size`` canvas.

        points: ``[468, 2]`` canvas units, landmarks that were seen, in place of the motion's own.
        """
        fine = size * _OVERSAMPLE
        points = self.landmarks(face) if points is None else points
        everything = self._with_rings(points, points - self.source)
        pixels = everything * fine
        index = triangle_index(pixels, self._triangles, fine)
        looked_up = self._with_rings(self._sampled(face), np.zeros_like(points))
        flow = interpolate(index, pixels, self._triangles, looked_up - everything)

        hole = polygon_coverage(contour(points, INNER_LIP_UPPER, INNER_LIP_LOWER) * fine, fine, 2)
        # Even an empty polygon covers its outline.
        lips = points[list(INNER_LIP_LOWER), 1] - points[list(INNER_LIP_UPPER), 1]
        hole *= min(float(lips.max()) * fine, 1.0)
        known = ((index >= 0) & (hole < 0.5)).astype(np.float32)
        for k, (upper, lower) in enumerate(EYES):
            opening = polygon_coverage(contour(points, upper, lower) * fine, fine, 2)
            inside = opening > 0.5
            flow[inside] = self._gaze(face, k, fine)[inside]
        flow = fill(flow, known)
        flow = cv2.resize(flow, (size, size), interpolation=cv2.INTER_AREA)

        painted, light, tongue = self._mouth.draw(hole, face)
        cover = hole
        layers = self._eyes.layers(face, self.rest, points, fine)
        if self.gap >= CLOSED_GAP:
            upper, lower = points[list(INNER_LIP_UPPER)], points[list(INNER_LIP_LOWER)]
            layers.append((seam_layer(upper, lower, self.unit, fine), self._seam))
        for layer, tone in layers:
            painted = painted * (1 - layer[..., None]) + tone * layer[..., None]
            cover = np.maximum(cover, layer)
        light *= hole / np.maximum(cover, 1e-3)  # none falls through lids and closed lips
        painted = np.dstack([painted, light, tongue]) * cover[..., None]
        painted = cv2.resize(painted, (size, size), interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(cover, (size, size), interpolation=cv2.INTER_AREA)
        painted = fill(
            painted / np.maximum(alpha, 1e-3)[..., None], (alpha > 0.02).astype(np.float32)
        )
        painted = painted.transpose(2, 0, 1)
        return Fields(
            np.ascontiguousarray(flow.transpose(2, 0, 1)),
            alpha[None],
            np.ascontiguousarray(painted[:3]),
            np.ascontiguousarray(painted[3:4]),
            np.ascontiguousarray(painted[4:]),
        )

    def canvas(self, face: NDArray[np.floating], size: int) -> Canvas:
        """The puppet in a face model's place: what the compositor draws from."""
        drawn = self.fields(face, size)
        cover = np.concatenate([drawn.colour * drawn.alpha, drawn.alpha])
        mouth = np.concatenate([drawn.light, drawn.tongue])
        flow, cover, mouth = (
            np.ascontiguousarray(x.transpose(1, 2, 0)) for x in (drawn.flow, cover, mouth)
        )
        return Canvas(flow, cover, mouth, (face @ self.jaw).astype(np.float32))

    def _gaze(self, face: NDArray[np.floating], eye: int, size: int) -> NDArray[np.float32]:
        """Flow of an eyeball: the iris moves as one, the sclera stretches beside it."""
        side, inward = (("Right", 1.0), ("Left", -1.0))[eye]
        look = {
            n: float(face[ARKIT_INDEX[f"eyeLook{n}{side}"]]) for n in ("In", "Out", "Up", "Down")
        }
        corners = self.source[[EYES[eye][0][0], EYES[eye][0][-1]]]
        width = float(np.linalg.norm(corners[0] - corners[1]))
        shift = (
            _GAZE
            * width
            * np.array([(look["In"] - look["Out"]) * inward, 0.6 * (look["Down"] - look["Up"])])
        )
        iris = self.irises[np.array(_IRISES[eye]) - 468]
        radius = float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean())
        axis = (np.arange(size) + 0.5) / size
        x, y = np.meshgrid(axis, axis)
        distance = np.hypot(x - iris[0, 0] - shift[0], y - iris[0, 1] - shift[1])
        weight = np.exp(-(np.clip(distance / radius - 1.1, 0, None) ** 2) * 3)[..., None]
        return (-shift * weight).astype(np.float32)

    def _sampled(self, face: NDArray[np.floating]) -> NDArray[np.float64]:
        """Where each landmark's colour is taken from in the photo, ``[468, 2]``."""
        source = self.source.copy()
        for (upper, lower), side in zip(EYES, ("Right", "Left"), strict=True):
            blink = float(face[ARKIT_INDEX[f"eyeBlink{side}"]])
            opening = (self.source[list(lower)] - self.source[list(upper)])[1:-1]
            source[list(upper[1:-1])] -= blink * _LID_REACH[0] * opening
            source[list(lower[1:-1])] += blink * _LID_REACH[1] * opening
        if self.gap >= CLOSED_GAP:
            upper, lower = list(INNER_LIP_UPPER), list(INNER_LIP_LOWER)
            opening = self.source[lower] - self.source[upper]
            source[upper] -= _LIP_REACH * opening
            source[lower] += _LIP_REACH * opening
        return source
