"""The step that is exported is the network that was trained."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from training.speech.articulators import articulate, spread_matrix  # noqa: E402
from training.speech.network import (  # noqa: E402
    SpeechNetwork,
    SpeechNetworkConfig,
    StreamingStep,
)

pytestmark = pytest.mark.export


def test_streaming_steps_equal_the_sequence() -> None:
    torch.manual_seed(0)
    network = SpeechNetwork(SpeechNetworkConfig(units=24)).eval()
    network.mean += 0.3
    columns = torch.randn(1, 40, 80)
    step, hidden = StreamingStep(network).eval(), torch.zeros(2, 1, 24)
    with torch.no_grad():
        controls, voice = network(columns)
        whole = articulate(controls[0]) @ torch.from_numpy(spread_matrix())
        for n in range(40):
            coefficients, probability, hidden = step(columns[:, n], hidden)
            torch.testing.assert_close(coefficients[0], whole[n], atol=1e-5, rtol=0)
            torch.testing.assert_close(probability[0, 0], voice[0, n].sigmoid(), atol=1e-5, rtol=0)


def test_is_within_the_size_that_was_promised() -> None:
    parameters = SpeechNetwork(SpeechNetworkConfig()).parameters()
    assert sum(p.numel() for p in parameters) <= 2_000_000
