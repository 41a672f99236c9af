from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.motion import Motion
from server.mark import Marked
from tests.server.synthetic import SyntheticPipeline


class Grey(SyntheticPipeline):
    def __init__(self, side: int, level: int = 128) -> None:
        self.frame = np.full((side, side, 3), level, np.uint8)

    def draw(self, motion: Motion) -> NDArray[np.uint8]:
        return self.frame


@pytest.mark.parametrize("side", [128, 256, 512])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_can_be_read_on_any_ground_and_touches_nothing_else(side: int, level: int) -> None:
    inner = Grey(side, level)
    marked = Marked(inner, "AI generated")
    frame = marked.draw(Motion())
    assert (inner.frame == level).all(), "the picture that may be shared is left alone"
    changed = np.argwhere((frame != level).any(axis=2))
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
    assert top > side * 0.85
    assert left < side * 0.1
    assert right < side
    assert bottom < side
    box = frame[top : bottom + 1, left : right + 1]
    assert int(box.max()) - int(box.min()) > 90, "letters stand out from their ground"
    assert np.array_equal(marked.draw(Motion()), frame)


def test_a_long_mark_fits_a_small_picture() -> None:
    frame = Marked(Grey(64), "x" * 40).draw(Motion())
    assert frame.shape == (64, 64, 3)
    assert (frame != 128).any()


def test_hears_as_the_pipeline_in_it() -> None:
    inner, sound = SyntheticPipeline(), np.zeros(16000, np.float32)
    marked = Marked(inner, "AI")
    expected, _ = inner.listen(sound, inner.initial_state())
    got, _ = marked.listen(sound, marked.initial_state())
    assert [m.pts for m in got] == [m.pts for m in expected]
    assert marked.look_ahead_samples == inner.look_ahead_samples


@pytest.mark.parametrize("text", ["", "x" * 41, "künstlich", "a\nb"])
def test_what_can_not_be_written_is_said(text: str) -> None:
    with pytest.raises(BadInput, match="AI generated"):
        Marked(SyntheticPipeline(), text)


def test_costs_a_small_part_of_the_picture() -> None:
    marked = Marked(Grey(512), "AI generated")
    marked.draw(Motion())
    (stamp,) = marked._stamps.values()
    assert stamp.size < 512 * 512 / 20
