"""How good a photo is: what makes it unfit for an avatar, and what will merely show.

Thresholds come from 444 official portraits (`docs/photos.md` has the distributions and what is
overlooked). Lengths are in distances of the outer eye corners, so that no measure depends on the
photo's size; lightness is CIE L*.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from export.fit import fit
from export.landmarks import EYES, INNER_LIP_LOWER, INNER_LIP_UPPER, canthus_distance, lip_gap
from export.puppet import CLOSED_GAP

__all__ = ["Finding", "PhotoQuality", "Verdict", "judge"]

_LEAST_FACE = 96  # pixels from brow to chin
_MOST_YAW, _MOST_PITCH, _MOST_ROLL = 28.0, 24.0, 35.0  # degrees
_SHUT = 0.11  # eye opening over eye width: closed ones reach 0.08, open ones begin at 0.16
_EYE_CONTRAST = 0.50  # portraits: one of 444 is under it; drawn lenses that pass a quarter: 96 %
_SEAM = 0.165  # portraits: 3 of 444 are under it; drawn fingers and cloths: 95 %
_SHARP = 0.04  # portraits: 0.045 and more; blurred by 2 % of the measure of faces: 0.031 at most
_DARK, _BRIGHT = 30.0, 96.0
_UNEVEN = 1.4  # one cheek's lightness over the other's: portraits 1.25 at most
_CHEEKS = (50, 280, 205, 425, 101, 330, 36, 266)
_CHEEK = ((50, 205, 101), (280, 425, 330))
_HIDDEN_EYES = (
    "the eyes are hidden, by dark glasses it seems, so they will not move: "
    "an avatar with eyes looks more alive"
)
_HIDDEN_MOUTH = (
    "no lips can be made out; what hides them will be torn when the mouth opens: "
    "use a photo with nothing before the mouth"
)
_OPEN_MOUTH = "the mouth is open in the photo and was closed: a closed mouth looks better"
_BLURRED = "the photo is blurred, and so will the avatar be: take it again, focused on the eyes"
_SIDE_LIGHT = (
    "the light comes from one side, while mouth and lids are painted as if lit from the front: "
    "light from before the face looks better"
)
_SIDE = 100  # pixels of an outer-canthus distance in the copy of the face that is measured


class Verdict(StrEnum):
    """good: nothing to say. fair: it will show. bad: no avatar can be made."""

    good = "good"
    fair = "fair"
    bad = "bad"


@dataclass(frozen=True)
class Finding:
    """value: what was measured, in the unit that ``says`` speaks of. says: empty when good."""

    aspect: str
    value: float
    verdict: Verdict
    says: str


@dataclass(frozen=True)
class PhotoQuality:
    """All findings, the gravest questions first."""

    findings: tuple[Finding, ...]

    def refusal(self) -> str | None:
        """Why no avatar can be made of it, or None."""
        return next((f.says for f in self.findings if f.verdict is Verdict.bad), None)

    def notes(self) -> tuple[str, ...]:
        """What will show."""
        return tuple(f.says for f in self.findings if f.verdict is Verdict.fair)

    def found(self, aspect: str) -> Finding:
        """The finding of one aspect. Raises KeyError."""
        return {f.aspect: f for f in self.findings}[aspect]


def judge(image: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> PhotoQuality:
    """Judge a photo by its one face.

    image: ``[H, W, 3]`` uint8 RGB. landmarks: ``[478, 3]`` in its pixels.
    """
    face = _Face.normalised(image, landmarks)
    gap, sharpness = float(lip_gap(landmarks)), face.sharpness()
    eye_contrast, seam, unevenness = face.eye_contrast(), face.seam(), face.unevenness()
    sharp = sharpness >= _SHARP  # what is blurred can not be told from what is hidden
    return PhotoQuality(
        (
            _size(landmarks),
            *_pose(landmarks),
            _eyes_open(landmarks),
            _of(
                "eyes seen", eye_contrast, eye_contrast >= _EYE_CONTRAST or not sharp, _HIDDEN_EYES
            ),
            _of("mouth seen", seam, seam >= _SEAM or not sharp, _HIDDEN_MOUTH),
            _of("mouth closed", gap, gap < CLOSED_GAP, _OPEN_MOUTH),
            _of("sharpness", sharpness, sharp, _BLURRED),
            _of("light", face.skin, _DARK <= face.skin <= _BRIGHT, _light(face.skin)),
            _of("even light", unevenness, unevenness <= _UNEVEN, _SIDE_LIGHT),
        )
    )


def _of(
    aspect: str, value: float, good: bool, says: str, otherwise: Verdict = Verdict.fair
) -> Finding:
    return Finding(aspect, float(value), *((Verdict.good, "") if good else (otherwise, says)))


def _size(landmarks: NDArray[np.float32]) -> Finding:
    height = float(np.ptp(landmarks[:468, 1]))
    says = (
        f"the face is {height:.0f} pixels high, expected {_LEAST_FACE} or more: "
        "use a larger or closer photo"
    )
    return _of("size", height, height >= _LEAST_FACE, says, Verdict.bad)


def _pose(landmarks: NDArray[np.float32]) -> tuple[Finding, ...]:
    pitch, yaw, roll = np.degrees(np.abs(fit(landmarks).head()))
    # A profile hides one half of the face: the nose tip is far off the middle of the cheeks. The
    # fit may take it for a narrow face instead.
    left, right, nose = landmarks[[234, 454, 1], 0]
    share = float(nose - left) / max(float(right - left), 1e-3)
    says = (
        f"the head is turned by {yaw:.0f} degrees to the side and {pitch:.0f} up or down, expected "
        "a frontal view: look into the camera"
    )
    tilted = f"the head is tilted by {roll:.0f} degrees, expected it upright: turn the photo"
    return (
        _of("yaw", yaw, yaw <= _MOST_YAW and 0.22 < share < 0.78, says, Verdict.bad),
        _of("pitch", pitch, pitch <= _MOST_PITCH, says, Verdict.bad),
        _of("roll", roll, roll <= _MOST_ROLL, tilted, Verdict.bad),
    )


def _eyes_open(landmarks: NDArray[np.float32]) -> Finding:
    opening = 0.0
    for rows in EYES:
        upper, lower = (landmarks[list(row), :2] for row in rows)
        width = float(np.linalg.norm(upper[0] - upper[-1]))
        gap = float(np.linalg.norm(upper[2:-2] - lower[2:-2], axis=1).mean())
        opening = max(opening, gap / max(width, 1e-3))
    says = (
        f"the eyes are shut (opening {opening:.2f} of their width, expected {_SHUT} or more): "
        "use a photo with open eyes"
    )
    return _of("eyes open", opening, opening >= _SHUT, says, Verdict.bad)


@dataclass(frozen=True)
class _Face:
    """The face at one size. lab: ``[h, w, 3]`` float32 CIE L*a*b*. points: ``[478, 2]`` in it."""

    lab: NDArray[np.float32]
    points: NDArray[np.float64]

    @staticmethod
    def normalised(image: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> _Face:
        k = _SIDE / float(canthus_distance(landmarks))
        points = landmarks[:, :2].astype(np.float64)
        low = np.maximum(np.floor(points.min(0) - 4), 0).astype(int)
        high = np.ceil(points.max(0) + 5).astype(int)
        part = image[low[1] : high[1], low[0] : high[0]].astype(np.float32) / 255
        shrunk = cv2.resize(
            part, None, fx=k, fy=k, interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR
        )
        return _Face(cv2.cvtColor(shrunk, cv2.COLOR_RGB2LAB), (points - low) * k)

    def _at(self, landmarks: tuple[int, ...]) -> NDArray[np.float32]:
        """Smoothed L*a*b* at landmarks: ``[P, 3]``."""
        smooth = cv2.GaussianBlur(self.lab, (0, 0), 2)
        x, y = self.points[list(landmarks)].astype(int).T
        height, width = smooth.shape[:2]
        return np.asarray(smooth[y.clip(0, height - 1), x.clip(0, width - 1)])

    @property
    def skin(self) -> float:
        """Lightness of the cheeks."""
        return max(float(np.median(self._at(_CHEEKS)[:, 0])), 1.0)

    def unevenness(self) -> float:
        """The lighter cheek's lightness over the darker one's."""
        sides = [float(np.median(self._at(cheek)[:, 0])) for cheek in _CHEEK]
        return max(sides) / max(min(sides), 1.0)

    def sharpness(self) -> float:
        """Deviation of the Laplacian over the face, as a share of the skin's lightness."""
        return float(cv2.Laplacian(self.lab[..., 0], cv2.CV_32F).std()) / self.skin

    def eye_contrast(self) -> float:
        """Lightest to darkest in the clearer eye, as a share of the skin's lightness."""
        clearest = 0.0
        for upper, lower in EYES:
            inside = np.zeros(self.lab.shape[:2], np.uint8)
            outline = self.points[[*upper, *reversed(lower[1:-1])]]
            cv2.fillPoly(inside, [np.round(outline).astype(np.int32)], 1)
            lightness = self.lab[inside > 0][:, 0]
            if len(lightness) > 8:
                darkest, lightest = np.quantile(lightness, [0.05, 0.95])
                clearest = max(clearest, float(lightest - darkest))
        return clearest / self.skin

    def seam(self) -> float:
        """How much darker than the lips around it the line between them is, as a share of the
        skin's lightness; the lower quartile along the mouth, for fingers leave parts of it.

        Landmarks stand where lips would be whatever is before them; that line does not.
        """
        upper, lower = self.points[list(INNER_LIP_UPPER)], self.points[list(INNER_LIP_LOWER)]
        half = max(4, int(0.5 * abs(upper[5, 1] - lower[5, 1]) + 4))
        depths = []
        for x, y in ((upper + lower) / 2)[1:-1].astype(int):
            columns = self.lab[:, max(x - 1, 0) : x + 2, 0]
            near = columns[max(y - half, 0) : y + half + 1]
            around = columns[max(y - half - 8, 0) : y + half + 9]
            if near.size:
                depths.append(float(np.median(around) - near.min()))
        return float(np.quantile(depths, 0.25)) / self.skin if depths else 0.0


def _light(skin: float) -> str:
    if skin < _DARK:
        return "the photo is dark: noise and dull colours will show, take one in more light"
    return "the photo is overexposed: the skin has lost its detail, take one in softer light"
