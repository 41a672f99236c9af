"""Tuning on real frames teaches what the puppet does not know, and forgets nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from engine.teeth import Teeth

torch = pytest.importorskip("torch")

from export.generator.lite import LiteConfig  # noqa: E402
from export.generator.prior import LitePrior  # noqa: E402
from export.tune import Plan  # noqa: E402
from export.video_layers import CanvasCompositor, TeethLayers  # noqa: E402
from export.video_tune import RealFrames, picture_loss, tune_on_video  # noqa: E402

pytestmark = pytest.mark.export
N = S = 128
MATRIX = np.array([[64.0, 0.0, 0.0], [0.0, 64.0, 0.0]])


@pytest.fixture
def lesson() -> tuple[LitePrior, np.ndarray, tuple[torch.Tensor, torch.Tensor], RealFrames, Teeth]:
    """Motion 0 opens a mouth that the puppet paints grey; in the film it is red."""
    torch.manual_seed(3)
    prior = LitePrior(LiteConfig(w_dim=16, channels=(16, 16, 16, 16, 8, 8))).eval()
    rng = np.random.default_rng(0)
    photo = np.full((S, S, 3), 150, np.uint8)
    photo[::16] = 110
    mouth = np.zeros((1, N, N), np.float32)
    mouth[:, 64:96, 40:88] = 1
    faces = np.zeros((41, 52), np.float32)
    faces[1:, 0] = rng.random(40)
    faces[1:, 30] = rng.random(40)  # a motion that the film does not show: a lid
    lid = np.zeros((1, N, N), np.float32)
    lid[:, 24:48, 28:100] = 1
    fields = np.zeros((41, 8, N, N), np.float16)
    fields[:, 2] = faces[:, :1, None] * mouth + faces[:, 30:31, None] * lid
    fields[:, 3:6] = 0.4
    filmed = np.zeros((12, 52), np.float32)
    filmed[:, 0] = np.linspace(0.2, 1, 12)
    shape = np.zeros((12, 8, N, N), np.float16)
    shape[:, 2] = filmed[:, :1, None] * mouth
    shape[:, 3:6] = 0.4
    red = torch.from_numpy(shape).float()
    red[:, 3:6] = torch.tensor([0.7, 0.1, 0.1])[:, None, None]
    fine = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255
    nothing = torch.zeros(1, 4, S, S)
    pictures = CanvasCompositor(fine)(red, nothing, nothing).permute(0, 2, 3, 1) * 255
    real = RealFrames(
        torch.from_numpy(filmed),
        pictures.round().to(torch.uint8).numpy(),
        torch.from_numpy(shape),
        np.ones(12),
    )
    none = np.zeros((4, 8, 4), np.uint8)
    teeth = Teeth(none, none, np.array([20.0, 40.0]))
    return prior, photo, (torch.from_numpy(faces), torch.from_numpy(fields)), real, teeth


def test_the_film_s_colour_is_learned_and_the_puppet_s_motions_are_kept(lesson) -> None:  # type: ignore[no-untyped-def]
    prior, photo, puppet, real, teeth = lesson
    told: list[float] = []
    generator, own = tune_on_video(
        prior, photo, np.ones((S, S), np.float32), np.zeros((468, 2)), puppet, real,
        TeethLayers(teeth, MATRIX, S), np.zeros((52, 2)), Plan(40, 40, 6, 5e-3), told.append,
    )  # fmt: skip
    assert told[-1] == 1.0
    face = torch.zeros(2, 52)
    face[0, 0], face[1, 30] = 1.0, 1.0
    with torch.no_grad():
        _, alpha, colour, *_ = generator(face)
        _, still, *_ = generator(torch.zeros(1, 52))
    assert still.max() < 0.02, "at rest it is its photo"
    assert alpha[0, 0, 64:96, 40:88].mean() > 0.7
    inside = colour[0, :, 72:88, 48:80].mean((1, 2))
    assert inside[0] > inside[1] + 0.25, "red, as filmed"
    assert alpha[1, 0, 28:44, 36:92].mean() > 0.5, "what only the puppet did is not forgotten"
    assert alpha[1, 0, 64:96, 40:88].mean() < 0.3
    assert own.upper.shape == own.lower.shape


def test_a_shift_that_fine_pixels_do_not_see_is_seen_by_coarse_ones() -> None:
    weight = torch.ones(1, 1, 32, 32)
    near, far = (torch.zeros(1, 3, 32, 32) for _ in range(2))
    target = torch.zeros(1, 3, 32, 32)
    target[..., 8:10, 8:24] = 1
    near[..., 10:12, 8:24] = 1
    far[..., 26:28, 8:24] = 1
    assert picture_loss(target, target, weight) == 0
    assert picture_loss(near, target, weight) < 0.9 * picture_loss(far, target, weight)


def test_what_is_masked_does_not_count() -> None:
    weight = torch.zeros(1, 1, 32, 32)
    weight[..., :16] = 1
    one, other = torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    other[..., 16:] = 1
    assert picture_loss(one, other, weight) == 0
