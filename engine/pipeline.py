"""The whole run time: samples in, timed frames out.

::

    samples --LogMel--> columns --SpeechModel--> mouth ─┐
                                          Liveliness ───┼─Controller─> Motion
                                             Control ───┘
    Motion --FaceModel--> Canvas --Compositor--> frame

``listen`` is cheap and must see every sample; ``draw`` is the work, and a caller that is late may
skip it.
The pipeline itself holds models only. What belongs to a stream is in its state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, HOP_SAMPLES
from engine.avatar import Avatar
from engine.control import NEUTRAL, Control
from engine.controller import Controller, ControlState
from engine.drawing import CanvasDrawing, Drawing
from engine.features import LogMel, LogMelState
from engine.motion import Motion
from engine.speech import SpeechModel, SpeechState

__all__ = ["Pipeline", "PipelineState", "TimedFrame", "TimedMotion"]

_HOPS_PER_FRAME = FRAME_SAMPLES // HOP_SAMPLES


@dataclass(frozen=True)
class TimedMotion:
    """pts: stream time in samples at 16 kHz."""

    pts: int
    motion: Motion


@dataclass(frozen=True)
class TimedFrame:
    """pts: stream time in samples at 16 kHz. image: ``[H, W, 3]`` uint8 RGB."""

    pts: int
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class PipelineState:
    """heard: samples taken in. hops: rows from the speech model. seed: of the liveliness.
    control: how far the face is on its way to what was asked of it."""

    heard: int
    hops: int
    features: LogMelState
    speech: SpeechState
    control: ControlState
    seed: int


class Pipeline:
    """An avatar that listens. Immutable; one serves any number of sessions.

    speech: the shipped one by default; one serves any number of pipelines.
    liveliness: strength of blinks, gaze and sway; 0 holds the face still but for the mouth.
    expression: how far the mouth goes for what the speech model says, 1 for just as far.
    drawing: what draws the avatar, by default the CPU (``engine.devices`` knows of others).
    """

    def __init__(
        self,
        avatar: Avatar,
        speech: SpeechModel | None = None,
        liveliness: float = 1.0,
        expression: float = 1.0,
        drawing: Drawing | None = None,
    ) -> None:
        self.avatar = avatar
        self._speech = speech or SpeechModel.load()
        self._drawing = drawing or CanvasDrawing(avatar.face, avatar.compositor)
        self._features = LogMel()
        self._controller = Controller(liveliness, expression)

    @property
    def look_ahead_samples(self) -> int:
        """How much sound after a frame's time is needed to make it: 16 kHz samples."""
        return (self._speech.look_ahead_hops + 1) * HOP_SAMPLES

    def initial_state(self, seed: int = 0, control: Control = NEUTRAL) -> PipelineState:
        """A stream that has heard nothing. seed: chooses when it blinks and where it looks.

        control: where the face begins, without the way there.
        """
        return PipelineState(
            0,
            0,
            self._features.initial_state(),
            self._speech.initial_state(),
            self._controller.initial_state(control),
            seed,
        )

    def listen(
        self, samples: NDArray[np.float32], state: PipelineState, control: Control = NEUTRAL
    ) -> tuple[list[TimedMotion], PipelineState]:
        """Hear ``[n]`` float32 at 16 kHz; the motions they complete, one every 640 samples.

        control: what these motions go towards.
        """
        columns, features = self._features.step(samples, state.features)
        faces, speech = self._speech.step(columns, state.speech)
        motions, way = [], state.control
        for n, face in enumerate(faces):
            hop = state.hops + n - self._speech.look_ahead_hops
            if hop >= 0 and hop % _HOPS_PER_FRAME == 0:
                pts = hop * HOP_SAMPLES
                motion, way = self._controller.step(face, pts, state.seed, control, way)
                motions.append(TimedMotion(pts, motion))
        after = PipelineState(
            state.heard + len(samples), state.hops + len(faces), features, speech, way, state.seed
        )
        return motions, after

    def draw(self, motion: Motion) -> NDArray[np.uint8]:
        """The frame of a motion: ``[H, W, 3]`` uint8 RGB. Thread-safe."""
        return self._drawing.draw(motion)

    def finish(self, state: PipelineState, control: Control = NEUTRAL) -> list[TimedMotion]:
        """The motions still owed for the sound already heard; the stream ends in silence."""
        silence = np.zeros(self.look_ahead_samples + FRAME_SAMPLES, np.float32)
        motions, _ = self.listen(silence, state, control)
        return [m for m in motions if m.pts < state.heard]

    def step(
        self, samples: NDArray[np.float32], state: PipelineState, control: Control = NEUTRAL
    ) -> tuple[list[TimedFrame], PipelineState]:
        """``listen`` and ``draw`` in one: every frame that the samples complete."""
        motions, state = self.listen(samples, state, control)
        return [TimedFrame(m.pts, self.draw(m.motion)) for m in motions], state
