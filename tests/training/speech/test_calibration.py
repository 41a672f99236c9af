"""Agreement and amplitude of a network whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.speech.articulators import CONTROL_INDEX, articulate  # noqa: E402
from training.speech.calibration import Spoken, agreement, matching_amplitude  # noqa: E402
from training.speech.geometry import LipGeometry  # noqa: E402
from training.speech.network import Answer, SpeechNetwork, SpeechNetworkConfig  # noqa: E402
from training.speech.phones import Phone  # noqa: E402
from training.speech.tracking import Track  # noqa: E402

pytestmark = pytest.mark.export

PHONES = (Phone("AA", 0.0, 2.0),)


class Waving(SpeechNetwork):
    """Opens and closes the jaw twice a second, whatever it hears, look-ahead hops late."""

    def forward(self, columns: torch.Tensor) -> Answer:
        hops = columns.shape[1]
        controls = torch.zeros(1, hops, 16)
        hop = torch.arange(hops) - self.config.look_ahead_hops
        controls[0, :, CONTROL_INDEX["jawOpen"]] = 0.2 - 0.15 * torch.cos(0.04 * torch.pi * hop)
        return Answer(controls, torch.zeros(1, hops), torch.zeros(1, hops, 40))


def spoken(scale: float, offset: float) -> Spoken:
    """Lips that do the same, ``scale`` times as far, in a video of the given offset."""
    times = np.arange(45, dtype=np.float32) / 25
    controls = torch.zeros(45, 16)
    angle = 4 * torch.pi * torch.from_numpy(times + offset)
    controls[:, CONTROL_INDEX["jawOpen"]] = 0.2 - 0.15 * torch.cos(angle)
    lips = scale * LipGeometry()(articulate(controls)).numpy()
    return Spoken(Track("a", times, lips, np.zeros(32000, np.float32)), PHONES, "a", offset)


@pytest.fixture
def network() -> SpeechNetwork:
    return Waving(SpeechNetworkConfig(units=8, look_ahead_hops=4)).eval()


def test_the_right_lips_agree_and_late_ones_do_not(network: SpeechNetwork) -> None:
    right, late = spoken(1.0, 0.04), spoken(1.0, 0.04)
    late = Spoken(late.track, PHONES, "a", offset=0.2)
    assert agreement(network, [right], "it")["it gap"] > 0.99
    assert agreement(network, [late], "it")["it gap"] < 0.6


def test_amplitude_is_the_ratio_of_what_lips_do(network: SpeechNetwork) -> None:
    found = matching_amplitude(network, [spoken(1.5, 0.0), spoken(1.5, 0.04)])
    assert found == pytest.approx(1.5, abs=0.03)
