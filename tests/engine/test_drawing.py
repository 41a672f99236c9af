"""What draws: the CPU's two steps, a frame model in batches, and one that takes over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from engine.avatar import Avatar
from engine.drawing import CanvasDrawing, FrameDrawing, Relay
from engine.errors import ModelMismatch
from engine.motion import ARKIT_INDEX, Motion, coefficients
from engine.pipeline import Pipeline
from engine.runtime.model import Shape

HEIGHT, WIDTH = 4, 6


class FrameModel:
    """A GPU's form: the frame is as bright as the jaw is open. Takes exactly ``batch`` rows."""

    def __init__(self, batch: int, width: int = WIDTH) -> None:
        self.batch = batch
        self.calls: list[int] = []
        self.metadata: dict[str, str] = {}
        self.inputs: dict[str, Shape] = {"face": (batch, 52), "head": (batch, 3)}
        self.outputs: dict[str, Shape] = {"frame": (batch, HEIGHT, width, 3)}

    def run(self, inputs: Mapping[str, Any], keep: Collection[str] = ()) -> dict[str, Any]:
        assert inputs["face"].shape == (self.batch, 52)
        assert inputs["head"].shape == (self.batch, 3)
        assert inputs["face"].dtype == inputs["head"].dtype == np.float32
        self.calls.append(self.batch)
        jaw = inputs["face"][:, ARKIT_INDEX["jawOpen"]]
        frame = np.broadcast_to(jaw[:, None, None, None] * 255, (self.batch, HEIGHT, WIDTH, 3))
        return {"frame": frame.round().astype(np.uint8)}


def drawing(*sizes: int) -> tuple[FrameDrawing, list[FrameModel]]:
    models = [FrameModel(size) for size in sizes]
    return FrameDrawing({m.batch: m for m in models}, (HEIGHT, WIDTH)), models


def test_the_cpu_draws_what_canvas_and_compositor_give(avatar: Avatar) -> None:
    motion = Motion(coefficients(jawOpen=0.5), np.array([0.02, 0.03, 0.01], np.float32))
    drawn = CanvasDrawing(avatar.face, avatar.compositor).draw(motion)
    expected = avatar.compositor.draw(avatar.face.canvas(motion.face), motion.head)
    np.testing.assert_array_equal(drawn, expected)
    np.testing.assert_array_equal(Pipeline(avatar).draw(motion), expected)


def test_everybody_gets_their_own_frame() -> None:
    made, models = drawing(1, 4, 16)
    opened = np.linspace(0, 1, 52)

    def level(jaw: float) -> int:
        frame = made.draw(Motion(coefficients(jawOpen=jaw)))
        assert frame.shape == (HEIGHT, WIDTH, 3)
        return int(frame[0, 0, 0])

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(level, opened))
    assert found == [round(float(np.float32(x)) * 255) for x in opened]
    assert sum(len(m.calls) for m in models) <= 52


def test_a_batch_is_filled_up_to_the_next_size() -> None:
    made, (one, four) = drawing(1, 4)
    frames = made._serve([Motion(coefficients(jawOpen=x)) for x in (0.2, 0.4, 0.6)])
    assert [f[0, 0, 0] for f in frames] == [51, 102, 153]
    assert (one.calls, four.calls) == ([], [4])


def test_other_models_are_refused() -> None:
    with pytest.raises(ModelMismatch, match=r"expected face \[B, 52\]"):
        FrameDrawing({1: FrameModel(1, width=8)}, (HEIGHT, WIDTH))


def test_a_relay_hands_over_between_two_frames() -> None:
    first, second = drawing(1)[0], drawing(2)[0]
    relay = Relay(first)
    relay.draw(Motion())
    relay.hand_over(second)
    relay.draw(Motion())
    assert [len(d._models) for d in (first, second)] == [1, 1]
    assert relay._current is second
