"""How long each stage of the pipeline takes, on one core."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from engine.audio import FRAME_SAMPLES, HOP_SAMPLES
from engine.avatar import Avatar
from engine.drawing import CanvasDrawing, Drawing
from engine.features import LogMel
from engine.motion import Motion, coefficients
from engine.pipeline import Pipeline
from engine.speech import SpeechModel

__all__ = ["Row", "frame_milliseconds", "measure"]


@dataclass(frozen=True)
class Row:
    """Milliseconds a frame of 40 ms: median and p95 of wall time, mean of CPU time."""

    stage: str
    median: float
    p95: float
    cpu: float


def _timed(stage: str, count: int, work: Callable[[int], object]) -> Row:
    for n in range(5):
        work(n)
    walls = []
    cpu = time.process_time()
    for n in range(count):
        start = time.perf_counter()
        work(n)
        walls.append((time.perf_counter() - start) * 1e3)
    cpu = (time.process_time() - cpu) * 1e3 / count
    return Row(stage, float(np.median(walls)), float(np.quantile(walls, 0.95)), cpu)


def _speaking(count: int) -> list[Motion]:
    """Motions in which lips and head move."""
    return [
        Motion(
            coefficients(jawOpen=0.4 * abs(np.sin(n / 3)), mouthFunnel=0.3 * abs(np.sin(n / 7))),
            np.array([0.01 * np.sin(n / 9), 0.02 * np.sin(n / 11), 0.01], np.float32),
        )
        for n in range(count)
    ]


def frame_milliseconds(avatar: Avatar, count: int = 15) -> float:
    """Processor time from a motion to its frame: a hint, had in a third of a second.

    Not wall time: what else runs on the machine is not the avatar's cost.
    """
    cv2.setNumThreads(1)
    pipeline = Pipeline(avatar, SpeechModel.load())
    motions = _speaking(count)
    return _timed("motion to frame", count, lambda n: pipeline.draw(motions[n])).cpu


def measure(avatar: Avatar, count: int, drawing: Drawing | None = None) -> list[Row]:
    """One row a stage, and the whole. OpenCV and onnxruntime use one thread each.

    drawing: what draws, the CPU by default; of a GPU generator and compositor are one stage.
    """
    cv2.setNumThreads(1)
    speech = SpeechModel.load()
    pipeline = Pipeline(avatar, speech, drawing=drawing)
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, (count, FRAME_SAMPLES)).astype(np.float32)
    features = LogMel()
    mel = features.initial_state()
    columns = features.step(sound[0], mel)[0]
    columns = np.resize(columns, (FRAME_SAMPLES // HOP_SAMPLES, columns.shape[1]))
    heard = speech.initial_state()
    motions = _speaking(count)
    rows = [
        _timed("log-mel, 4 columns", count, lambda n: features.step(sound[n], mel)),
        _timed("speech, 4 steps", count, lambda n: speech.step(columns, heard)),
    ]
    if drawing is None or isinstance(drawing, CanvasDrawing):
        canvases = [avatar.face.canvas(m.face) for m in motions[:20]]
        draw = avatar.compositor.draw
        rows += [
            _timed("generator", count, lambda n: avatar.face.canvas(motions[n].face)),
            _timed("compositor", count, lambda n: draw(canvases[n % 20], motions[n].head)),
        ]
    else:
        rows.append(_timed("motion to frame", count, lambda n: pipeline.draw(motions[n])))
    state = pipeline.initial_state()
    whole = []
    cpu = time.process_time()
    for n in range(count):
        start = time.perf_counter()
        _, state = pipeline.step(sound[n], state)
        whole.append((time.perf_counter() - start) * 1e3)
    cpu = (time.process_time() - cpu) * 1e3 / count
    rows.append(
        Row("sound to frame, whole", float(np.median(whole)), float(np.quantile(whole, 0.95)), cpu)
    )
    return rows
