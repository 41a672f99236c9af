"""The graph's compositor draws what the CPU's draws, for every motion and in batches."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")
from torch import Tensor, nn  # noqa: E402

from engine.avatar import Avatar, builtin_avatars  # noqa: E402
from engine.motion import coefficients  # noqa: E402
from export.frame import FrameCompositor, FrameGenerator  # noqa: E402

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


def test_a_face_network_in_halves_is_put_before_a_compositor_in_singles(avatar: Avatar) -> None:
    class Fixed(nn.Module):
        """The fields of a face with an open mouth, whatever it is asked."""

        def __init__(self) -> None:
            super().__init__()
            self.values = nn.ParameterList(fields(avatar, FACES[1]))

        def forward(self, face: Tensor) -> tuple[Tensor, ...]:
            assert face.dtype == self.values[0].dtype
            return tuple(self.values)

    still = torch.zeros(1, 3)
    drawn = [
        FrameGenerator(network, FrameCompositor(avatar.compositor))(torch.zeros(1, 52), still)
        for network in (Fixed(), Fixed().half())
    ]
    assert decibels(*(d[0].detach().numpy() for d in drawn)) > 50
