"""A pipeline that keeps the contract of ``engine.pipeline`` without any model.

Its mouth opens with the brightness of the sound (the share of its energy above 1 kHz), not with its
loudness, so that a test which would be content with a loudness-driven jaw is found out. Mouth
corners and pupils follow control, as the engine's do.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES
from engine.control import NEUTRAL, Control
from engine.controller import Controller, ControlState
from engine.motion import ARKIT_INDEX, Motion, coefficients

SIZE = 256
MOUTH = (92, 160, 164, 216)  # x0, y0, x1, y1
_LOUD_ENOUGH = 0.01
_BEFORE = 960


@dataclass(frozen=True)
class TimedMotion:
    pts: int
    motion: Motion


@dataclass(frozen=True)
class State:
    """``heard``: the samples from ``start`` on."""

    heard: NDArray[np.float32]
    start: int
    next_pts: int
    control: ControlState


class SyntheticPipeline:
    look_ahead_samples = 1040  # 40 ms and a spectrogram's window of 25 ms
    _controller = Controller(liveliness=0.0)

    def initial_state(self, seed: int = 0, control: Control = NEUTRAL) -> State:
        return State(np.zeros(0, np.float32), 0, 0, self._controller.initial_state(control))

    def listen(
        self, samples: NDArray[np.float32], state: State, control: Control = NEUTRAL
    ) -> tuple[list[TimedMotion], State]:
        heard = np.concatenate([state.heard, samples])
        start, pts, motions, way = state.start, state.next_pts, [], state.control
        while start + len(heard) >= pts + self.look_ahead_samples:
            window = heard[max(0, pts - _BEFORE - start) : pts + self.look_ahead_samples - start]
            spoken = coefficients(jawOpen=brightness(window))
            motion, way = self._controller.step(spoken, pts, 0, control, way)
            motions.append(TimedMotion(pts, motion))
            pts += FRAME_SAMPLES
        kept = max(0, pts - _BEFORE - start)
        return motions, State(heard[kept:], start + kept, pts, way)

    def draw(self, motion: Motion) -> NDArray[np.uint8]:
        frame = np.full((SIZE, SIZE, 3), (88, 112, 128), np.uint8)
        cv2.ellipse(frame, (128, 136), (84, 108), 0, 0, 360, (214, 172, 148), -1, cv2.LINE_AA)
        named = {name: float(motion.face[k]) for name, k in ARKIT_INDEX.items()}
        right = round(16 * 8 * (named["eyeLookOutLeft"] - named["eyeLookInLeft"]))
        for x in (96, 160):
            cv2.circle(frame, (x * 16 + right, 108 * 16), 160, (60, 44, 40), -1, cv2.LINE_AA, 4)
        opening = round(16 * named["jawOpen"] * 24)
        cv2.ellipse(frame, (128 * 16, 188 * 16), (24 * 16, 16 + opening), 0, 0, 360,
                    (92, 24, 28), -1, cv2.LINE_AA, 4)  # fmt: skip
        raised = round(16 * 20 * named["mouthSmileLeft"])
        for side in (-1, 1) if raised else ():
            corner, end = (128 + 24 * side) * 16, (128 + 30 * side) * 16
            cv2.line(frame, (corner, 188 * 16), (end, 188 * 16 - raised),
                     (92, 24, 28), 3, cv2.LINE_AA, 4)  # fmt: skip
        return frame


def brightness(window: NDArray[np.float32]) -> float:
    """0 to 1; 0 for silence."""
    if len(window) < 64 or np.sqrt(np.mean(window**2)) < _LOUD_ENOUGH:
        return 0.0
    power = np.abs(np.fft.rfft(window * np.hanning(len(window)))) ** 2
    bright = power[len(power) // 8 :].sum() / power.sum()
    return float(min(1.0, 2.0 * bright))


def jpeg(rgb: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


def png(rgb: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()
