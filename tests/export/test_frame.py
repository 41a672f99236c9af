"""The graph's compositor draws what the CPU's draws, for every motion and in batches."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")
from torch import Tensor, nn  # noqa: E402

from engine.avatar import Avatar, builtin_avatars  # noqa: E402
from engine.compositor import Compositor  # noqa: E402
from engine.face import _painted  # noqa: E402
from engine.motion import coefficients  # noqa: E402
from export.frame import FrameCompositor, InHalf, PaintedCompositor  # noqa: E402
from tests import bundles  # noqa: E402

pytestmark = pytest.mark.export
HEADS = np.array([[0, 0, 0], [0.08, -0.06, 0.05], [-0.5, 0.5, -0.5]], np.float32)
FACES = np.stack(
    [
        coefficients(),
        coefficients(jawOpen=0.7, mouthUpperUp=0.5, mouthLowerDown=0.6),
        coefficients(eyeBlink=1, mouthSmile=0.8, tongueOut=0.4),
    ]
)


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return Avatar.load(builtin_avatars()["amara"])


def fields(avatar: Avatar, face: NDArray[np.float32]) -> list[Tensor]:
    canvas = avatar.face.canvas(face)
    planes = torch.from_numpy(np.concatenate([canvas.flow, canvas.cover, canvas.mouth], 2))
    flow, cover, light, tongue = planes.permute(2, 0, 1)[None].split([2, 4, 1, 1], 1)
    alpha = cover[:, 3:]
    colour = cover[:, :3] / alpha.clamp(min=1e-6)
    return [flow, alpha, colour, light, tongue, torch.from_numpy(canvas.jaw)[None]]


def decibels(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> float:
    error = np.mean((ours.astype(float) - theirs) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def test_draws_what_the_cpu_draws(avatar: Avatar) -> None:
    compositor = FrameCompositor(avatar.compositor)
    parts = [fields(avatar, face) for face in FACES]
    batched = [torch.cat(same) for same in zip(*parts, strict=True)]
    frames = compositor(*batched, torch.from_numpy(HEADS)).numpy()
    assert frames.dtype == np.uint8
    assert frames.shape == (3, avatar.height, avatar.width, 3)
    np.testing.assert_array_equal(frames[0], avatar.photo)
    for frame, face, head in zip(frames, FACES, HEADS, strict=True):
        expected = avatar.compositor.draw(avatar.face.canvas(face), head)
        assert decibels(frame, expected) > 58
        assert np.abs(frame.astype(int) - expected).max() <= 6
    assert min(decibels(a, b) for a, b in pairwise(frames)) < 40, "the motions are different ones"


def test_a_painted_face_covers_the_photo_as_the_cpu_paints_it() -> None:
    picture = np.random.default_rng(0).uniform(-0.1, 1.1, (1, 3, 16, 16)).astype(np.float32)
    smooth = cv2.GaussianBlur(picture[0].transpose(1, 2, 0), (0, 0), 2).transpose(2, 0, 1)
    compositor = Compositor(
        bundles.photo(), np.array(bundles.MATRIX), bundles.CANVAS, bundles.teeth()
    )
    head = np.array([[0.03, 0.05, -0.04]], np.float32)
    made = PaintedCompositor(compositor)(torch.from_numpy(smooth[None]), torch.from_numpy(head))
    expected = compositor.draw(_painted(smooth), head[0])
    assert decibels(made[0].numpy(), expected) > 50
    assert decibels(expected, bundles.photo()) < 25, "it covers something"


def test_convolutions_in_halves_between_singles() -> None:
    torch.manual_seed(0)
    whole = nn.Sequential(nn.Conv2d(4, 8, 3), nn.LeakyReLU(0.2), nn.Conv2d(8, 4, 3)).eval()
    ws = torch.randn(2, 4, 8, 8)
    with torch.no_grad():
        expected = whole(ws)
        found = InHalf(whole)(ws)
    assert whole[0].weight.dtype == torch.float16
    assert found.dtype == torch.float32
    off = float((found - expected).abs().max())
    assert 0 < off < 5e-3
