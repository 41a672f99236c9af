"""Live control: what a user may steer while the face talks. ``engine.controller`` acts on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from engine.compositor import HEAD_LIMIT
from engine.errors import BadControl
from engine.motion import ARKIT

__all__ = ["HEAD_NAMES", "NEUTRAL", "RANGES", "Control"]

# Least and most of each single value.
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "expression": (0.0, 2.0),
        "head": (0.0, 2.0),
        "liveliness": (0.0, 2.0),
        "smile": (-1.0, 1.0),
        "brow": (-1.0, 1.0),
        "eyes": (-1.0, 1.0),
    }
)
# The head among the manual values, in the order of Motion.head.
HEAD_NAMES = ("headPitch", "headYaw", "headRoll")

_NAMES = frozenset((*ARKIT, *HEAD_NAMES))


def _checked(name: str, value: object, least: float, most: float) -> None:
    # Written so that NaN is refused as well.
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadControl(
            f"got {name} {value!r:.40}, expected a number from {least:.3g} to {most:.3g}"
        )


def _checked_all(name: str, values: object, count: int) -> None:
    if not isinstance(values, tuple) or len(values) != count:
        raise BadControl(f"got {name} {values!r:.40}, expected {count} numbers from -1 to 1")
    for value in values:
        _checked(name, value, -1.0, 1.0)


@dataclass(frozen=True)
class Control:
    """What is asked of a face. Raises BadControl for a value out of its range.

    expression: 0 to 2, how far the mouth goes for what the speech model says.
    head:       0 to 2, how far the head sways by itself.
    liveliness: 0 to 2, how often it blinks and how far the eyes wander.
    smile:      -1 (corners down) to 1 (a broad smile).
    brow:       -1 (drawn together) to 1 (raised).
    eyes:       -1 (narrowed) to 1 (wide).
    gaze:       where the eyes stay, x to the right of the picture and y up, each -1 to 1; None
                lets them wander.
    pose:       where the head stays, pitch, yaw, roll as in ``Motion.head``, each -1 to 1 of
                ``HEAD_LIMIT``; the sway comes on top.
    blinks:     how many blinks were asked for so far; one more is a blink now.
    add:        ARKit name -> -1 to 1, on top of all else.
    override:   ARKit name -> 0 to 1, in place of all else.

    Both take ``HEAD_NAMES`` as well, in radians up to ``HEAD_LIMIT`` either way.
    """

    expression: float = 1.0
    head: float = 1.0
    liveliness: float = 1.0
    smile: float = 0.0
    brow: float = 0.0
    eyes: float = 0.0
    gaze: tuple[float, float] | None = None
    pose: tuple[float, float, float] = (0.0, 0.0, 0.0)
    blinks: int = 0
    add: Mapping[str, float] = field(default_factory=dict)
    override: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (least, most) in RANGES.items():
            _checked(name, getattr(self, name), least, most)
        if self.gaze is not None:
            _checked_all("gaze", self.gaze, 2)
        _checked_all("pose", self.pose, 3)
        if not isinstance(self.blinks, int) or isinstance(self.blinks, bool) or self.blinks < 0:
            raise BadControl(f"got blinks {self.blinks!r:.40}, expected a whole number from 0 on")
        for part, least in (("add", -1.0), ("override", 0.0)):
            manual = getattr(self, part)
            if not isinstance(manual, Mapping):
                raise BadControl(f"got {part} {manual!r:.40}, expected names and numbers")
            for name, value in manual.items():
                if name not in _NAMES:
                    raise BadControl(
                        f"got {part} of {name!r:.40}, expected one of ARKit's 52 names, "
                        f"as jawOpen, or {', '.join(HEAD_NAMES)}"
                    )
                limit = float(HEAD_LIMIT)
                bounds = (-limit, limit) if name in HEAD_NAMES else (least, 1.0)
                _checked(f"{part} {name}", value, *bounds)
            object.__setattr__(self, part, MappingProxyType(dict(manual)))


NEUTRAL = Control()
