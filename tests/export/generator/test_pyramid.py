"""The pyramid encoder: one row of W+ for each that the generator has, around the mean w."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from export.generator.pyramid import COARSE_ROWS, MIDDLE_ROWS, PyramidEncoder  # noqa: E402

pytestmark = pytest.mark.export


@pytest.mark.parametrize(("resolution", "rows"), [(32, 8), (128, 12)])
def test_rows_of_every_size_of_generator(resolution: int, rows: int) -> None:
    torch.manual_seed(0)
    encoder = PyramidEncoder(rows, 16, resolution)
    encoder.w_avg.fill_(3.0)
    picture = torch.rand(2, 3, resolution, resolution) * 2 - 1
    codes = encoder(picture)
    assert codes.shape == (2, rows, 16)
    assert (codes - 3).abs().mean() < 1
    assert not torch.allclose(codes[0], codes[1])
    assert [m.shape[-1] for m in encoder.maps(picture)[-3:]] == [32, 16, 8]


def test_coarse_rows_see_the_coarse_map_alone() -> None:
    """As in the paper: changing the fine lateral moves the fine rows and no others."""
    torch.manual_seed(0)
    encoder = PyramidEncoder(12, 16, 64)
    picture = torch.rand(1, 3, 64, 64)
    before = encoder(picture)
    with torch.no_grad():
        encoder.lateral[0].weight.mul_(2)
    moved = (encoder(picture) - before).abs().amax((0, 2)) > 1e-6
    assert moved.tolist() == [False] * (COARSE_ROWS + MIDDLE_ROWS) + [True] * 5


def test_a_trunk_that_does_not_end_at_eight_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="halving"):
        PyramidEncoder(12, 16, 128, channels=(8, 8, 8))
