"""How good a photo or a video is, as a list that people can go through before they export.

What ``export.quality`` measures, in the order and words of somebody who stands before a camera. It
takes about a second, and goes on where an export would stop: whoever is told all at once takes one
better photo instead of three.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadPhoto
from export.align import frame_photo
from export.photo import Portrait, look, read_photo
from export.quality import PhotoQuality, Verdict
from export.video_reading import is_video

__all__ = ["Check", "Item", "check", "face_box", "quality_items"]

_FRAME = 512  # pixels of the avatar's frame that the room around the face is judged by
# What is asked, the findings of export.quality that answer it, and what is shown when all is well.
_QUESTIONS = (
    ("size", ("size",), "Face large enough"),
    ("pose", ("yaw", "pitch", "roll"), "Looking into the camera"),
    ("eyes open", ("eyes open",), "Eyes open"),
    ("eyes seen", ("eyes seen",), "Nothing hides the eyes"),
    ("mouth closed", ("mouth closed",), "Mouth closed"),
    ("mouth seen", ("mouth seen",), "Nothing hides the mouth"),
    ("sharpness", ("sharpness",), "In focus"),
    ("light", ("light", "even light"), "Even light from the front"),
)
_WORST_FIRST = (Verdict.bad, Verdict.fair, Verdict.good)


@dataclass(frozen=True)
class Item:
    """aspect: for programs. label: the wish, in a few words. says: how it was missed and what to
    do; empty when it was not."""

    aspect: str
    label: str
    verdict: Verdict
    says: str = ""


@dataclass(frozen=True)
class Check:
    """kind: "photo" or "video". face: left, top, right and bottom of the face as shares of the
    picture, None where no one face was found. items: the gravest questions first."""

    kind: str
    face: tuple[float, float, float, float] | None
    items: tuple[Item, ...]

    @property
    def usable(self) -> bool:
        """Whether an avatar can be made of it."""
        return all(item.verdict is not Verdict.bad for item in self.items)

    def described(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kind": self.kind,
            "usable": self.usable,
            "face": self.face,
            "items": [
                {"aspect": i.aspect, "label": i.label, "verdict": i.verdict.value, "says": i.says}
                for i in self.items
            ],
        }


def check(path: Path) -> Check:
    """Look at a photo or a video as an export would, and say all of it.

    Raises BadPhoto for a file that can not be read, MissingExtra where something is not installed.
    """
    if is_video(path):
        from export.video_check import check_video

        return check_video(path)
    return _check_photo(path)


def _check_photo(path: Path) -> Check:
    photo = read_photo(path)
    try:
        portrait = look(photo.image)
    except BadPhoto as error:
        return Check("photo", None, (Item("face", "One face", Verdict.bad, str(error)),))
    chosen = " ".join((*photo.notes, *portrait.notes))
    items = (
        Item("face", "One face", Verdict.fair if chosen else Verdict.good, chosen),
        *quality_items([portrait.quality]),
        _room(portrait),
    )
    return Check("photo", face_box(portrait.landmarks, portrait.image.shape), items)


def _room(portrait: Portrait) -> Item:
    notes = frame_photo(portrait.image, portrait.landmarks, _FRAME).notes()
    return Item("room", "Head and shoulders", Verdict.fair if notes else Verdict.good,
                " ".join(notes))  # fmt: skip


def quality_items(looks: Sequence[PhotoQuality], leave_out: Iterable[str] = ()) -> tuple[Item, ...]:
    """One item to a question, judged by the middle one of several looks at the same person."""
    return tuple(
        _answered(aspect, findings, label, looks)
        for aspect, findings, label in _QUESTIONS
        if aspect not in set(leave_out)
    )


def _answered(
    aspect: str, findings: Sequence[str], label: str, looks: Sequence[PhotoQuality]
) -> Item:
    worst = [
        min((look.found(name) for name in findings), key=_gravity(lambda f: f.verdict))
        for look in looks
    ]
    middle = sorted(worst, key=_gravity(lambda f: f.verdict))[len(worst) // 2]
    return Item(aspect, label, middle.verdict, middle.says)


def _gravity(verdict: Callable[[Any], Verdict]) -> Callable[[Any], int]:
    return lambda item: _WORST_FIRST.index(verdict(item))


def face_box(
    landmarks: NDArray[np.float32], shape: Sequence[int]
) -> tuple[float, float, float, float]:
    """The face from brow to chin in shares of a picture ``[height, width, ...]``."""
    size = np.array([shape[1], shape[0]], np.float64)
    low, high = landmarks[:468, :2].min(0) / size, landmarks[:468, :2].max(0) / size
    x0, y0, x1, y1 = (round(float(v), 4) for v in np.clip([*low, *high], 0.0, 1.0))
    return x0, y0, x1, y1
