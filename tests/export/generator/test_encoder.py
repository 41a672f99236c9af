"""The encoder: one pivot a picture."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from export.generator.encoder import Encoder  # noqa: E402

pytestmark = pytest.mark.export


def test_gives_each_picture_its_own_pivot() -> None:
    torch.manual_seed(0)
    encoder = Encoder(num_ws=12, w_dim=32).eval()
    pictures = torch.rand(3, 3, 128, 128)
    with torch.no_grad():
        w = encoder(pictures)
        alone = torch.cat([encoder(p[None]) for p in pictures])
    assert w.shape == (3, 12, 32)
    torch.testing.assert_close(w, alone, atol=1e-5, rtol=1e-4)
    assert (w[0] - w[1]).abs().max() > 1e-3


def test_sees_where_things_are() -> None:
    """A pooled network would give the same pivot for a face and the same face elsewhere."""
    torch.manual_seed(0)
    encoder = Encoder(num_ws=2, w_dim=8).eval()
    picture = torch.full((1, 3, 128, 128), 0.5)
    picture[..., 20:50, 20:50] = 1
    with torch.no_grad():
        moved = encoder(picture.roll(48, -1))
        assert (moved - encoder(picture)).abs().max() > 1e-3
