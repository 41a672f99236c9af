"""Augmented teaching is still true: picture, landmarks and fields change together."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402

from export.align import CANVAS_EYES  # noqa: E402
from export.losses import composite  # noqa: E402
from training.augment import Batch, Warp, lit, mirrored, photographed, warped  # noqa: E402

pytestmark = pytest.mark.export
N = 64
INSIDE = (..., slice(8, -8), slice(8, -8))


def smooth(*shape: int, seed: int = 0) -> torch.Tensor:
    """``[*shape, N, N]``, 0 to 1."""
    dice = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, *shape, 6, 6, generator=dice).flatten(0, -3)[None]
    return functional.interpolate(coarse, (N, N), mode="bicubic").clamp(0, 1).view(*shape, N, N)


@pytest.fixture
def batch() -> Batch:
    fields = smooth(2, 3, 8, seed=1)
    fields[:, :, :2] = 0.08 * (fields[:, :, :2] - 0.5)
    landmarks = 0.2 + 0.6 * torch.rand(2, 468, 2, generator=torch.Generator().manual_seed(2))
    return Batch(smooth(2, 3), landmarks, torch.rand(2, 3, 52), fields)


def pictures(batch: Batch) -> torch.Tensor:
    """What photo and fields make, ``[I F, 3, N, N]``."""
    count = batch.fields.shape[1]
    return composite(batch.photo.repeat_interleave(count, 0), batch.fields.flatten(0, 1))


def at(picture: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """``[I, C, P]``: the picture where ``points [I, P, 2]`` are, in canvas units."""
    grid = 2 * points[:, None] - 1
    return functional.grid_sample(picture, grid, mode="bicubic", align_corners=False)[:, :, 0]


def test_a_warp_undoes_its_inverse_and_leaves_the_eyes() -> None:
    warp = Warp.random(64, torch.Generator().manual_seed(0))
    points = torch.rand(64, 100, 2)
    torch.testing.assert_close(warp.pull(warp.push(points)), points, atol=2e-4, rtol=0)
    assert 0.004 < float((warp.push(points) - points).std()) < 0.02, "as much as people differ"
    eyes = torch.from_numpy(CANVAS_EYES).float().expand(64, -1, -1)
    assert float((warp.push(eyes) - eyes).abs().max()) < 0.02
    assert float((warp.push(eyes) - eyes).std()) < 0.006


def test_a_warped_lesson_is_the_lesson_warped(batch: Batch) -> None:
    """Drawing on the warped canvas gives the picture that is drawn, then warped."""
    warp = Warp.random(2, torch.Generator().manual_seed(3))
    new = warped(batch, warp)
    axis = (torch.arange(N) + 0.5) / N
    to = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).view(1, -1, 2)
    source = warp.pull(to.expand(2, -1, -1)).repeat_interleave(3, 0)
    expected = at(pictures(batch), source).view(6, 3, N, N)
    ours = pictures(new)
    error = (ours - expected)[INSIDE].abs().mean()
    unwarped = (pictures(batch) - expected)[INSIDE].abs().mean()
    assert error < 0.1 * unwarped
    assert error < 0.004
    seen_before = at(batch.photo, batch.landmarks)
    torch.testing.assert_close(at(new.photo, new.landmarks), seen_before, atol=0.05, rtol=0)
    assert torch.equal(new.face, batch.face)


def test_a_mirrored_lesson_is_the_lesson_mirrored(batch: Batch) -> None:
    shapes, points = torch.arange(52).flip(0), torch.arange(468).flip(0)
    new = mirrored(batch, torch.tensor([True, False]), shapes, points)
    torch.testing.assert_close(pictures(new)[:3], pictures(batch)[:3].flip(-1), atol=1e-5, rtol=0)
    torch.testing.assert_close(pictures(new)[3:], pictures(batch)[3:])
    assert torch.equal(new.face[0], batch.face[0].flip(-1))
    torch.testing.assert_close(new.landmarks[0, 5], 1 * torch.stack(
        [1 - batch.landmarks[0, 462, 0], batch.landmarks[0, 462, 1]]))  # fmt: skip
    twice = mirrored(new, torch.tensor([True, False]), shapes, points)
    torch.testing.assert_close(twice.fields, batch.fields)
    torch.testing.assert_close(twice.landmarks, batch.landmarks)


def test_light_falls_on_the_painted_as_on_the_photographed(batch: Batch) -> None:
    same = replace(batch, fields=batch.fields.clone())
    same.fields[:, :, 3:6] = batch.photo[:, None]
    new = lit(same, torch.Generator().manual_seed(4))
    torch.testing.assert_close(new.fields[:, :, 3:6], new.photo[:, None].expand(-1, 3, -1, -1, -1))
    for kept in (slice(0, 3), slice(6, 8)):
        assert torch.equal(new.fields[:, :, kept], same.fields[:, :, kept])
    assert float((new.photo - same.photo).abs().mean()) > 0.01
    assert 0 <= float(new.photo.min()) <= float(new.photo.max()) <= 1


def test_a_cheap_camera_loses_detail_and_now_and_then_nothing() -> None:
    photo = torch.rand(200, 3, N, N, generator=torch.Generator().manual_seed(5))
    seen = photographed(photo, torch.Generator().manual_seed(6))
    assert seen.shape == photo.shape
    assert torch.isfinite(seen).all()
    assert 0 <= float(seen.min()) <= float(seen.max()) <= 1
    changed = (seen - photo).abs().mean((1, 2, 3))
    assert 0.1 < float((changed == 0).float().mean()) < 0.3
    assert float(changed.quantile(0.9)) > 0.1
    again = photographed(photo, torch.Generator().manual_seed(6))
    assert torch.equal(seen, again), "tests need the same camera twice"


def test_a_cheap_camera_keeps_a_flat_picture() -> None:
    """Blur, fewer pixels and JPEG neither shift nor tint, noise and covers apart."""
    flat = torch.tensor([0.6, 0.45, 0.35]).view(1, 3, 1, 1).expand(100, -1, N, N)
    seen = photographed(flat, torch.Generator().manual_seed(7))
    assert float((seen - flat).abs().mean((1, 2, 3)).median()) < 0.03
