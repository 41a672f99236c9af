"""The step that is exported is the network that was trained."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from training.speech.articulators import CONTROL_INDEX, articulate, spread_matrix  # noqa: E402
from training.speech.network import (  # noqa: E402
    SpeechNetwork,
    SpeechNetworkConfig,
    StreamingStep,
    lean_to_closing,
)

pytestmark = pytest.mark.export


@pytest.mark.parametrize("amplitude", [1.0, 1.3])
def test_streaming_steps_equal_the_sequence(amplitude: float) -> None:
    torch.manual_seed(0)
    network = SpeechNetwork(SpeechNetworkConfig(units=24)).eval()
    network.mean += 0.3
    columns = torch.randn(1, 40, 80)
    step = StreamingStep(network, amplitude).eval()
    hidden = torch.zeros(1, step.state_size)
    with torch.no_grad():
        answer = network(columns)
        whole = amplitude * articulate(answer.controls[0]) @ torch.from_numpy(spread_matrix())
        for n in range(40):
            coefficients, probability, hidden = step(columns[:, n], hidden)
            torch.testing.assert_close(coefficients[0], whole[n].clamp(max=1), atol=1e-5, rtol=0)
            voice = answer.voice[0, n].sigmoid()
            torch.testing.assert_close(probability[0, 0], voice, atol=1e-5, rtol=0)


def test_no_row_knows_what_comes_after_it() -> None:
    torch.manual_seed(0)
    network = SpeechNetwork(SpeechNetworkConfig(units=24)).eval()
    columns = torch.randn(1, 40, 80)
    changed = columns.clone()
    changed[:, 25:] += 1.0
    with torch.no_grad():
        a, b = network(columns), network(changed)
    torch.testing.assert_close(a.controls[:, :25], b.controls[:, :25], atol=0, rtol=0)
    assert not torch.equal(a.controls[:, 25:], b.controls[:, 25:])


def test_leaning_closes_lips_and_moves_nothing_else() -> None:
    torch.manual_seed(0)
    network = SpeechNetwork(SpeechNetworkConfig(units=24)).eval()
    columns = torch.randn(1, 40, 80)
    with torch.no_grad():
        before = network(columns).controls
        lean_to_closing(network, logit=1.0, firmness=2.0)
        after = network(columns).controls
    row = CONTROL_INDEX["closure"]
    wanted = torch.sigmoid(2 * (torch.logit(before[..., row]) + 1))
    torch.testing.assert_close(after[..., row], wanted, atol=1e-5, rtol=1e-4)
    others = [n for n in range(before.shape[-1]) if n != row]
    torch.testing.assert_close(after[..., others], before[..., others], atol=0, rtol=0)


def test_is_within_the_size_that_was_promised() -> None:
    parameters = SpeechNetwork(SpeechNetworkConfig()).parameters()
    assert sum(p.numel() for p in parameters) <= 2_000_000
