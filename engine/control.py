"""Live control: what a user may steer while the face talks, and how it becomes motion.

Control says where to go, the state where the face is on its way there. Every value follows its goal
as a critically damped spring does, without overshoot and without a jump in speed, so that a slider
that jumps does not make the face jump.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, SAMPLE_RATE
from engine.compositor import HEAD_LIMIT
from engine.errors import BadControl
from engine.liveliness import BLINK_SECONDS, Liveliness, blink_closure, eye_coefficients
from engine.motion import ARKIT, ARKIT_INDEX, Motion, coefficients

__all__ = ["HEAD_NAMES", "NEUTRAL", "RANGES", "Control", "ControlState", "Controller"]

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

_MANUAL = {name: k for k, name in enumerate((*ARKIT, *HEAD_NAMES))}
_FACE = len(ARKIT)


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
                if name not in _MANUAL:
                    raise BadControl(
                        f"got {part} of {name!r:.40}, expected one of ARKit's 52 names, "
                        f"as jawOpen, or {', '.join(HEAD_NAMES)}"
                    )
                limit = float(HEAD_LIMIT)
                bounds = (-limit, limit) if name in HEAD_NAMES else (least, 1.0)
                _checked(f"{part} {name}", value, *bounds)
            object.__setattr__(self, part, MappingProxyType(dict(manual)))


NEUTRAL = Control()


# Where in the vector of followed values each of them stands.
_SCALARS = {name: k for k, name in enumerate(RANGES)}
_GAZE = slice(len(RANGES), len(RANGES) + 2)
_HELD = _GAZE.stop  # 1 when the gaze stays where it is told, 0 when it wanders
_POSE = slice(_HELD + 1, _HELD + 4)
_ADD = slice(_POSE.stop, _POSE.stop + len(_MANUAL))
_VALUE = slice(_ADD.stop, _ADD.stop + len(_MANUAL))
_WEIGHT = slice(_VALUE.stop, _VALUE.stop + len(_MANUAL))

# How fast each follows, 1/s: nine tenths of the way in 3.9 / rate seconds. Eyes jump, as eyes do;
# what somebody sends by hand or from a camera is smooth by itself and should not come late.
_RATE = np.full(_WEIGHT.stop, 14.0)
_RATE[_GAZE] = _RATE[_HELD] = 45.0
_RATE[_POSE] = 10.0
_RATE[_ADD.start :] = 40.0
_STEP = _RATE * (FRAME_SAMPLES / SAMPLE_RATE)
_DECAY = np.exp(-_STEP)
_THERE = 1e-3  # so near and so slow it has arrived

# What each looks like, at its ends.
_SMILE = coefficients(mouthSmile=0.75, cheekSquint=0.35, eyeSquint=0.20, mouthDimple=0.15)
_FROWN = coefficients(mouthFrown=0.50, mouthShrugLower=0.25, browInnerUp=0.15)
_BROW_UP = coefficients(browInnerUp=0.70, browOuterUp=0.60)
_BROW_DOWN = coefficients(browDown=0.70, eyeSquint=0.15)
_EYES_WIDE = coefficients(eyeWide=0.60)
_EYES_NARROW = coefficients(eyeSquint=0.70)
_ROUND = [ARKIT_INDEX["mouthFunnel"], ARKIT_INDEX["mouthPucker"]]
_LOOK = np.array([0.6, 0.5])  # eyeLook coefficients at the ends of the gaze
_FIXATION = 0.3  # of the wandering stays while the gaze is held: a stare is not alive


@dataclass(frozen=True)
class ControlState:
    """One stream's way to what is asked of it.

    values, speeds: ``[n]`` float64, what is followed and how fast it goes, a frame.
    blinking:       liveliness as far as blinks know it; a blink that has begun ends as it began.
    blinks:         of those asked for, how many were begun. blink_pts: when the last one was.
    """

    values: NDArray[np.float64]
    speeds: NDArray[np.float64]
    blinking: float
    blinks: int
    blink_pts: int | None = None


class Controller:
    """Joins speech, liveliness and control to the motion of each frame. Holds nothing of a stream.

    liveliness, expression: what a control of 1 means.
    """

    def __init__(self, liveliness: float = 1.0, expression: float = 1.0) -> None:
        self._liveliness = Liveliness(strength=liveliness)
        self._expression = np.float32(expression)

    def initial_state(self, control: Control = NEUTRAL) -> ControlState:
        """A face that is already where ``control`` wants it."""
        goal = _goal(control, np.zeros(_WEIGHT.stop))
        return ControlState(goal, np.zeros_like(goal), control.liveliness, control.blinks)

    def step(
        self,
        speech: NDArray[np.float32],
        pts: int,
        seed: int,
        control: Control,
        state: ControlState,
    ) -> tuple[Motion, ControlState]:
        """The motion at stream time ``pts``, one frame after the last.

        speech: ``[52]`` float32, what the mouth says. seed: of the liveliness.
        """
        state = _followed(control, state)
        now = dict(zip(RANGES, state.values.tolist(), strict=False))
        living = replace(self._liveliness, seed=seed)
        lid, state = self._lid(living, pts, now["liveliness"], control, state)
        face = self._eyes(living, pts, lid, now["liveliness"], state.values)
        face = face + speech * (self._expression * np.float32(now["expression"]))
        face = face + _mimic(now, face)
        sway = replace(living, strength=living.strength * now["head"]).sway(pts)
        pose = state.values[_POSE].astype(np.float32)
        head = sway * (1 - np.abs(pose)) + pose * HEAD_LIMIT
        return _by_hand(np.clip(face, 0.0, 1.0), head, state.values), state

    def _lid(
        self, living: Liveliness, pts: int, wanted: float, control: Control, state: ControlState
    ) -> tuple[float, ControlState]:
        """How far blinks close the eyes."""
        blink = replace(living, strength=living.strength * state.blinking).blink(pts)
        if wanted != state.blinking:
            other = replace(living, strength=living.strength * wanted).blink(pts)
            if blink == other == 0:
                state = replace(state, blinking=wanted)
        begun = state.blink_pts
        over = begun is None or pts - begun >= BLINK_SECONDS * SAMPLE_RATE
        if over and control.blinks != state.blinks:
            begun = pts - FRAME_SAMPLES  # its first frame is to be seen now
            state = replace(state, blinks=control.blinks, blink_pts=begun)
        if begun is not None:
            blink = max(blink, blink_closure((pts - begun) / SAMPLE_RATE))
        return blink, state

    def _eyes(
        self,
        living: Liveliness,
        pts: int,
        lid: float,
        strength: float,
        values: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        gaze = replace(living, strength=living.strength * strength).gaze(pts)
        held = values[_HELD]
        if held:
            aim = values[_GAZE] * _LOOK * (1, -1)
            gaze = gaze * (1 - held) + (aim + _FIXATION * gaze) * held
        return eye_coefficients(lid, gaze)


def _goal(control: Control, before: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vector that ``control`` asks for; what it leaves open stays as it was ``before``."""
    goal = np.zeros(_WEIGHT.stop)
    goal[: len(RANGES)] = [getattr(control, name) for name in RANGES]
    goal[_GAZE] = before[_GAZE] if control.gaze is None else control.gaze
    goal[_HELD] = control.gaze is not None
    goal[_POSE] = control.pose
    for name, value in control.add.items():
        goal[_ADD.start + _MANUAL[name]] = value
    goal[_VALUE] = before[_VALUE]
    for name, value in control.override.items():
        goal[_VALUE.start + _MANUAL[name]] = value
        goal[_WEIGHT.start + _MANUAL[name]] = 1.0
    return goal


def _followed(control: Control, state: ControlState) -> ControlState:
    """One frame further to the goal: the exact step of ``x'' = -2 r x' - r^2 (x - goal)``."""
    goal = _goal(control, state.values)
    # What has no weight yet need not travel.
    at = state.values.copy()
    at[_VALUE] = np.where(at[_WEIGHT] == 0, goal[_VALUE], at[_VALUE])
    at[_GAZE] = goal[_GAZE] if at[_HELD] == 0 else at[_GAZE]
    off = at - goal
    if not off.any() and not state.speeds.any():
        return state
    drive = state.speeds + _STEP * off
    values = goal + (off + drive) * _DECAY
    speeds = (state.speeds - _STEP * drive) * _DECAY
    there = (np.abs(values - goal) < _THERE) & (np.abs(speeds) < _THERE)
    return replace(state, values=np.where(there, goal, values), speeds=np.where(there, 0.0, speeds))


def _mimic(now: Mapping[str, float], face: NDArray[np.float32]) -> NDArray[np.float32]:
    """What smile, brow and eyes add to ``face``, ``[52]``."""
    smile, brow, eyes = (now[name] for name in ("smile", "brow", "eyes"))
    added = np.zeros(_FACE, np.float32)
    if smile:
        # Nobody rounds the lips and smiles broadly at once.
        free = 1 - 0.6 * min(float(face[_ROUND].max()), 1.0)
        added += (_SMILE if smile > 0 else _FROWN) * np.float32(abs(smile) * free)
    if brow:
        added += (_BROW_UP if brow > 0 else _BROW_DOWN) * np.float32(abs(brow))
    if eyes:
        added += (_EYES_WIDE if eyes > 0 else _EYES_NARROW) * np.float32(abs(eyes))
    return added


def _by_hand(
    face: NDArray[np.float32], head: NDArray[np.float32], values: NDArray[np.float64]
) -> Motion:
    """The motion, with what was added and overridden by name."""
    if not values[_ADD.start :].any():
        return Motion(face, head)
    whole = np.concatenate([face, head]) + values[_ADD]
    weight = values[_WEIGHT]
    whole = (whole * (1 - weight) + values[_VALUE] * weight).astype(np.float32)
    return Motion(np.clip(whole[:_FACE], 0.0, 1.0), np.clip(whole[_FACE:], -HEAD_LIMIT, HEAD_LIMIT))
