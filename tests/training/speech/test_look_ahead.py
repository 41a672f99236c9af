"""Every head is asked for the same mouth, each at its own time."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from training.speech.dataset import Batch  # noqa: E402
from training.speech.look_ahead import LOOK_AHEADS, ManyHeads, earlier  # noqa: E402
from training.speech.network import Answer  # noqa: E402

pytestmark = pytest.mark.export


@pytest.mark.parametrize("look_ahead", LOOK_AHEADS)
def test_a_shorter_look_ahead_is_asked_sooner(look_ahead: int) -> None:
    """Something is heard at column 50; with 16 hops of look-ahead its mouth is due at column 66."""
    hops = torch.arange(100.0)
    said = Answer(*(hops.expand(1, 100) if n == 1 else hops[None, :, None] for n in range(3)))
    due = (hops - 16).expand(1, 100)
    batch = Batch(**dict.fromkeys(Batch.__dataclass_fields__, due))
    answer, target = earlier(said, batch, look_ahead)
    assert answer.voice.shape == target.voice.shape
    torch.testing.assert_close(answer.voice - target.voice, torch.full_like(due, look_ahead)[
        :, : answer.voice.shape[1]
    ])  # fmt: skip


def test_there_is_a_head_for_each_look_ahead() -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        answers = ManyHeads()(torch.randn(2, 30, 80))
    assert len(answers) == len(LOOK_AHEADS)
    assert all(a.controls.shape == (2, 30, 16) for a in answers)
    assert not torch.equal(answers[0].controls, answers[1].controls)
