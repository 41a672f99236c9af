"""From control to motion: speech, liveliness and what was asked for, joined frame by frame.

Control says where to go, the state where the face is on its way there. Every value follows its goal
as a critically damped spring does, without overshoot and without a jump in speed, so that a slider
that jumps does not make the face jump.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, SAMPLE_RATE
from engine.compositor import HEAD_LIMIT
from engine.control import HEAD_NAMES, NEUTRAL, RANGES, Control
from engine.liveliness import BLINK_SECONDS, Liveliness, blink_closure, eye_coefficients
from engine.motion import ARKIT, ARKIT_INDEX, Motion, coefficients

__all__ = ["ControlState", "Controller"]

_FACE = len(ARKIT)
_MANUAL = {name: k for k, name in enumerate((*ARKIT, *HEAD_NAMES))}
# Where in the vector of followed values each of them stands.
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
_SMILE = coefficients(mouthSmile=0.80, cheekSquint=0.50, eyeSquint=0.25, mouthDimple=0.20)
_FROWN = coefficients(mouthFrown=0.75, mouthShrugLower=0.20, browInnerUp=0.25)
_BROW_UP = coefficients(browInnerUp=0.70, browOuterUp=0.60, eyeWide=0.10)
_BROW_DOWN = coefficients(browDown=0.90, eyeSquint=0.20)
_EYES_WIDE = coefficients(eyeWide=0.80)
_EYES_NARROW = coefficients(eyeSquint=0.80, eyeBlink=0.15)
_ROUND = [ARKIT_INDEX["mouthFunnel"], ARKIT_INDEX["mouthPucker"]]
_UPPER_LIP = [ARKIT_INDEX["mouthUpperUpLeft"], ARKIT_INDEX["mouthUpperUpRight"]]
_WIDE = [ARKIT_INDEX["eyeWideLeft"], ARKIT_INDEX["eyeWideRight"]]
_LIDS = [ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]
# eyeLook coefficients at the ends of the gaze: right, up and down; the lids go down with it.
_LOOK_RIGHT, _LOOK_UP, _LOOK_DOWN = 0.8, 0.7, 0.4
_FIXATION = 0.3  # of the wandering stays while the gaze is held: a stare is not alive


@dataclass(frozen=True)
class ControlState:
    """One stream's way to what is asked of it.

    values, speeds: ``[n]`` float64, what is followed and how fast it goes, a frame.
    blinking:       liveliness as far as blinks know it; a blink that has begun ends as it began.
    blinks:         of those asked for, how many were begun. blink_pts: when the last one was.
    arrived:        where it stands still, None while it moves.
    """

    values: NDArray[np.float64]
    speeds: NDArray[np.float64]
    blinking: float
    blinks: int
    blink_pts: int | None = None
    arrived: Control | None = None


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
        face = face + _stronger(speech, self._expression * np.float32(now["expression"]))
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
            x, y = values[_GAZE]
            aim = np.array([x * _LOOK_RIGHT, -y * (_LOOK_UP if y > 0 else _LOOK_DOWN)])
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
    if control is state.arrived:
        return state
    goal = _goal(control, state.values)
    # What has no weight yet need not travel.
    at = state.values.copy()
    at[_VALUE] = np.where(at[_WEIGHT] == 0, goal[_VALUE], at[_VALUE])
    at[_GAZE] = goal[_GAZE] if at[_HELD] == 0 else at[_GAZE]
    off = at - goal
    if not off.any() and not state.speeds.any():
        return replace(state, arrived=control)
    drive = state.speeds + _STEP * off
    values = goal + (off + drive) * _DECAY
    speeds = (state.speeds - _STEP * drive) * _DECAY
    there = (np.abs(values - goal) < _THERE) & (np.abs(speeds) < _THERE)
    return replace(
        state,
        values=np.where(there, goal, values),
        speeds=np.where(there, 0.0, speeds),
        arrived=None,
    )


def _stronger(speech: NDArray[np.float32], strength: np.float32) -> NDArray[np.float32]:
    """``speech`` times ``strength``; beyond 1 what goes far already goes less further."""
    if strength <= 1:
        return speech * strength
    return speech * (1 + (strength - 1) * (1 - speech))


def _mimic(now: Mapping[str, float], face: NDArray[np.float32]) -> NDArray[np.float32]:
    """What smile, brow and eyes add to ``face``, ``[52]``."""
    smile, brow, eyes = (now[name] for name in ("smile", "brow", "eyes"))
    added = np.zeros(_FACE, np.float32)
    if smile > 0:
        # Nobody rounds the lips and smiles broadly at once, and a smile has raised the upper lip.
        free = max(1 - 1.2 * float(face[_ROUND].max()), 0.3)
        added += _SMILE * np.float32(smile * free)
        added[_UPPER_LIP] -= face[_UPPER_LIP] * np.float32(0.4 * smile)
    if smile < 0:
        added -= _FROWN * np.float32(smile)
    if brow:
        added += (_BROW_UP if brow > 0 else _BROW_DOWN) * np.float32(abs(brow))
    if eyes:
        added += (_EYES_WIDE if eyes > 0 else _EYES_NARROW) * np.float32(abs(eyes))
    if brow > 0 or eyes > 0:
        added[_WIDE] *= 1 - face[_LIDS]  # wide eyes close all the same
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
