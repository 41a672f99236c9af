"""The encoder: one pivot a face, from where its landmarks are and what the picture shows."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from export.generator.encoder import Encoder  # noqa: E402

pytestmark = pytest.mark.export


def test_gives_each_picture_its_own_pivot() -> None:
    torch.manual_seed(0)
    encoder = Encoder(num_ws=12, w_dim=32).eval()
    pictures, landmarks = torch.rand(3, 3, 128, 128), 0.1 * torch.rand(3, 468, 2)
    with torch.no_grad():
        w = encoder(pictures, landmarks)
        one_by_one = zip(pictures.split(1), landmarks.split(1), strict=True)
        alone = torch.cat([encoder(*one) for one in one_by_one])
    assert w.shape == (3, 12, 32)
    torch.testing.assert_close(w, alone, atol=1e-5, rtol=1e-4)
    assert (w[0] - w[1]).abs().max() > 1e-3


def test_sees_where_things_are() -> None:
    """A pooled network would give the same pivot for a face and the same face elsewhere."""
    torch.manual_seed(0)
    encoder = Encoder(num_ws=2, w_dim=8).eval()
    picture = torch.full((1, 3, 128, 128), 0.5)
    picture[..., 20:50, 20:50] = 1
    landmarks = torch.zeros(1, 468, 2)
    with torch.no_grad():
        moved = encoder(picture.roll(48, -1), landmarks)
        assert (moved - encoder(picture, landmarks)).abs().max() > 1e-3


def test_knows_landmarks_from_the_average_face() -> None:
    torch.manual_seed(0)
    encoder = Encoder(num_ws=2, w_dim=8).eval()
    picture, landmarks = torch.full((1, 3, 128, 128), 0.5), torch.rand(1, 468, 2)
    lower = landmarks + torch.tensor([0.0, 0.03])
    with torch.no_grad():
        before = encoder(picture, landmarks)
        assert (encoder(picture, lower) - before).abs().max() > 1e-3
        encoder.mean.copy_(torch.full((468, 2), 0.25))
        torch.testing.assert_close(encoder(picture, landmarks + 0.25), before, atol=1e-3, rtol=1e-3)
