"""The published networks have the published sizes; the split form is silent at rest."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from training.paper.networks import (  # noqa: E402
    AudioEncoder,
    PaperForm,
    SpeechToMotion,
    SplitForm,
    principal_basis,
)

pytestmark = pytest.mark.export


def codes(count: int = 60) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(5, 8, 6, generator=generator)
    amounts = torch.randn(count, 5, generator=generator) * torch.tensor([9.0, 5, 3, 1, 0.1])
    return torch.einsum("nk,krw->nrw", amounts, directions) + 2


def test_the_audio_encoder_is_chens() -> None:
    encoder = AudioEncoder()
    windows = torch.randn(2, 3, 28, 12)
    maps = encoder.convolutions(windows.flatten(0, 1)[:, None])
    assert maps.shape == (6, 512, 12, 2)
    assert [tuple(m.weight.shape) for m in encoder.dense if isinstance(m, torch.nn.Linear)] == [
        (2048, 12288),
        (256, 2048),
    ]
    assert (encoder.lstm.num_layers, encoder.lstm.hidden_size) == (3, 256)
    assert encoder(windows).shape == (2, 3, 256)


def test_windows_are_normalised_by_coefficient() -> None:
    encoder = AudioEncoder(1 / 32)
    sound = torch.randn(40, 28, 12) * torch.arange(1.0, 13) + 5
    encoder.normalise_by(sound)
    normal = (sound - encoder.shift) * encoder.scale
    torch.testing.assert_close(normal.std((0, 1)), torch.ones(12), rtol=1e-3, atol=1e-3)


def test_the_basis_holds_what_it_spans_in_units_of_spread() -> None:
    known = codes()
    basis, held = principal_basis(known, 5)
    assert held == pytest.approx(1.0, abs=1e-4)
    reduced = basis.project(known)
    torch.testing.assert_close(basis.mean + basis.expand(reduced), known, rtol=1e-3, atol=1e-2)
    torch.testing.assert_close(reduced.std(0, unbiased=False), torch.ones(5), rtol=0.02, atol=0.02)
    few, part = principal_basis(known, 2)
    assert few.size == 2
    assert 0.5 < part < 0.999


def test_the_split_form_says_nothing_at_rest_and_something_in_motion() -> None:
    torch.manual_seed(0)
    basis, _ = principal_basis(codes(), 4)
    network = SplitForm(basis)
    pivot = codes()[:2]
    assert network(torch.zeros(2, 3, 52), pivot).abs().max() == 0
    assert network(torch.rand(2, 3, 52), pivot).abs().max() > 0


def test_the_paper_form_depends_on_sound_and_identity() -> None:
    torch.manual_seed(0)
    basis, _ = principal_basis(codes(), 4)
    network = PaperForm(basis, 1 / 32).eval()
    sound, pivot = torch.randn(1, 4, 28, 12), codes()
    said = network(sound, pivot[:1])
    assert said.shape == (1, 4, 4)
    assert not torch.allclose(said, network(sound * 2, pivot[:1]))
    assert not torch.allclose(said, network(sound, pivot[1:2]))


def test_motion_stays_in_its_range() -> None:
    motion = SpeechToMotion(1 / 32).eval()(100 * torch.randn(1, 5, 28, 12))
    assert motion.shape == (1, 5, 52)
    assert motion.min() >= 0
    assert motion.max() <= 1
