"""The displacement decoder: zero at rest, motion and identity both count."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from export.displacement import DisplacementDecoder  # noqa: E402

pytestmark = pytest.mark.export


@pytest.fixture(scope="module")
def decoder() -> DisplacementDecoder:
    torch.manual_seed(0)
    return DisplacementDecoder(num_ws=4, w_dim=8, reduced=6, hidden=16)


def test_no_motion_is_no_displacement(decoder: DisplacementDecoder) -> None:
    w = torch.randn(3, 4, 8)
    assert torch.equal(decoder(torch.zeros(3, 52), w), torch.zeros(3, 4, 8))


def test_motion_and_identity_both_count(decoder: DisplacementDecoder) -> None:
    face, w = torch.rand(1, 52), torch.randn(2, 4, 8)
    a, b = decoder(face.expand(2, -1), w)
    assert a.shape == (4, 8)
    assert (a - b).abs().max() > 1e-4
    assert (decoder(face / 2, w[:1]) - a).abs().max() > 1e-4


def test_displacements_stay_in_the_reduced_basis(decoder: DisplacementDecoder) -> None:
    """V^-1 has rank 6, so any number of displacements spans 6 dimensions at most."""
    moved = decoder(torch.rand(40, 52), torch.randn(40, 4, 8)).flatten(1)
    assert torch.linalg.matrix_rank(moved, atol=1e-4) == 6
