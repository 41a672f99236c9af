"""How good a video is, from a look at its first seconds: the quick twin of ``video_quality``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.check import Check, Item, face_box, quality_items
from export.landmarks import FaceMesh, lip_gap
from export.puppet import CLOSED_GAP
from export.quality import Verdict, judge
from export.video_reading import FPS, read_video

__all__ = ["LOOKED_AT", "check_video"]

LOOKED_AT = 15.0  # seconds; what comes later is taken to be like it
_EVERY = 12  # frames
# Seconds. Of the shortest one just enough is left when a fifth is held out to measure with.
_LONG_ENOUGH, _SHORTEST = 8.0, 2.5
_ALWAYS, _MOSTLY = 0.9, 0.5  # shares of the frames with a face
_MOVES = 0.05  # between the widest and the narrowest lip gap, in distances of the outer eye corners
_RIVAL, _RIVAL_SHARE = 0.7, 0.2
_CLOSE_LOOKS = 3
_FILM = "film one person, frontal, in good light"


@dataclass(frozen=True)
class _Glance:
    """image: ``[H, W, 3]`` uint8 RGB. landmarks: ``[478, 3]`` of the larger face, None without one.
    rival: height of the next one, as a share of its."""

    image: NDArray[np.uint8]
    landmarks: NDArray[np.float32] | None
    rival: float


def check_video(path: Path) -> Check:
    """Look at two pictures a second of the first quarter of a minute.

    Raises BadPhoto for what is no video, MissingExtra without mediapipe.
    """
    glances, seconds = _glances(path)
    faces = [g.landmarks for g in glances if g.landmarks is not None]
    length = _length(seconds)
    if not faces:
        nobody = Item("face", "One face, all the time", Verdict.bad,
                      f"no face was found in the video: {_FILM}")  # fmt: skip
        return Check("video", None, (nobody, length))
    close = _spread([g for g in glances if g.landmarks is not None], _CLOSE_LOOKS)
    looks = [judge(g.image, g.landmarks) for g in close if g.landmarks is not None]
    gaps = np.array([float(lip_gap(face)) for face in faces])
    items = (
        _always_there(glances),
        length,
        *quality_items(looks, leave_out=("mouth closed", "eyes open")),
        _closed_once(gaps),
        _moving(gaps),
    )
    return Check("video", face_box(faces[0], glances[0].image.shape), items)


def _glances(path: Path) -> tuple[list[_Glance], float]:
    """Pictures, and the seconds that were read."""
    glances, seconds = [], 0.0
    wanted = range(0, int(LOOKED_AT * FPS) + 1, _EVERY)
    with FaceMesh(video=True, max_faces=2) as mesh:
        for frame in read_video([path], wanted=wanted, note=lambda text: None):
            seconds = frame.seconds
            if seconds >= LOOKED_AT:
                break
            if frame.image is not None:
                found = sorted(mesh.detect_all(frame.image), key=_height, reverse=True)
                rival = _height(found[1]) / _height(found[0]) if len(found) > 1 else 0.0
                glances.append(_Glance(frame.image, found[0] if found else None, rival))
    return glances, seconds


def _height(face: NDArray[np.float32]) -> float:
    return float(np.ptp(face[:468, 1]))


def _spread(glances: list[_Glance], count: int) -> list[_Glance]:
    """Some of them, evenly over time, neither the first nor the last."""
    places = np.linspace(0, len(glances) - 1, count + 2)[1:-1].round().astype(int)
    return [glances[k] for k in dict.fromkeys(places.tolist())]


def _length(seconds: float) -> Item:
    says, verdict = "", Verdict.good
    if seconds < _LONG_ENOUGH:
        verdict = Verdict.bad if seconds < _SHORTEST else Verdict.fair
        says = f"the video is {seconds:.0f} seconds long: film 10 or more"
    return Item("length", "Long enough", verdict, says)


def _always_there(glances: list[_Glance]) -> Item:
    label = "One face, all the time"
    crowded = float(np.mean([g.rival > _RIVAL for g in glances]))
    if crowded > _RIVAL_SHARE:
        says = f"two people are in {crowded:.0%} of the video: film one alone, or crop it"
        return Item("face", label, Verdict.bad, says)
    share = float(np.mean([g.landmarks is not None for g in glances]))
    verdict = Verdict.good if share >= _ALWAYS else Verdict.fair
    if share < _MOSTLY:
        verdict = Verdict.bad
    says = "" if verdict is Verdict.good else f"a face is in {share:.0%} of the video: {_FILM}"
    return Item("face", label, verdict, says)


def _closed_once(gaps: NDArray[np.float64]) -> Item:
    closed = bool(gaps.min() < CLOSED_GAP)
    says = "the mouth is never closed: close the lips for a moment, for the face at rest"
    return Item("mouth closed", "Mouth closed for a moment",
                Verdict.good if closed else Verdict.fair, "" if closed else says)  # fmt: skip


def _moving(gaps: NDArray[np.float64]) -> Item:
    moves = bool(np.ptp(gaps) > _MOVES)
    says = "the mouth hardly moves: read something aloud, or use a photo instead"
    return Item("speech", "Talking", Verdict.good if moves else Verdict.fair,
                "" if moves else says)  # fmt: skip
