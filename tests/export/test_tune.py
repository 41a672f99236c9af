"""Tuning moves the generator towards the puppet, keeps the pivot and leaves the prior alone."""

from __future__ import annotations

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from export.generator.lite import LiteConfig  # noqa: E402
from export.generator.prior import LitePrior  # noqa: E402
from export.losses import attention, fields_loss  # noqa: E402
from export.puppet import Puppet  # noqa: E402
from export.tune import Plan, puppet_frames, tune  # noqa: E402
from tests.export.conftest import Face  # noqa: E402

pytestmark = pytest.mark.export
SMALL = LiteConfig(w_dim=16, channels=(16, 16, 16, 16, 8, 8))
N = SMALL.size


@pytest.fixture(scope="module")
def frames(neutral: Face) -> tuple[torch.Tensor, torch.Tensor, list[float]]:
    told: list[float] = []
    puppet = Puppet(neutral.image, neutral.landmarks)
    return (*puppet_frames(puppet, 12, N, told.append), told)


def test_puppet_frames_begin_at_rest(
    frames: tuple[torch.Tensor, torch.Tensor, list[float]],
) -> None:
    faces, fields, told = frames
    assert faces.shape == (13, 52)
    assert fields.shape == (13, 8, N, N)
    assert not faces[0].any()
    assert faces[1:].any(1).all()
    assert told == pytest.approx(np.arange(1, 14) / 13)


def test_tuning_learns_from_the_puppet(
    frames: tuple[torch.Tensor, torch.Tensor, list[float]],
) -> None:
    faces, fields, _ = frames
    torch.manual_seed(1)
    prior = LitePrior(SMALL).eval()
    before = copy.deepcopy(prior.state_dict())
    picture = np.full((N, N, 3), 128, np.uint8)
    told: list[float] = []

    def error(steps: int) -> float:
        plan, jaw = Plan(12, steps, batch=4, rate=5e-3), np.zeros((52, 2))
        landmarks = np.zeros((468, 2))
        generator = tune(prior, picture, landmarks, faces, fields, jaw, plan, told.append)
        assert not generator.training
        with torch.no_grad():
            out = torch.cat(generator(faces)[:-1], 1)
            rest = torch.cat(generator(torch.zeros(1, 52))[:-1], 1)
        torch.testing.assert_close(rest[:, :3], fields[:1, :3].float(), atol=1e-4, rtol=0)
        photo = torch.full((len(faces), 3, N, N), 0.5)
        return float(fields_loss(out, fields.float(), photo, attention(N))[0])

    assert error(30) < 0.9 * error(0)
    assert told == pytest.approx(np.arange(1, 31) / 30)
    for name, value in prior.state_dict().items():
        assert torch.equal(value, before[name]), f"{name} of the shared prior was changed"


def test_the_rest_of_the_prior_survives(
    frames: tuple[torch.Tensor, torch.Tensor, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With locality regularisation other people's faces are drawn more as they were."""
    faces, fields, _ = frames
    torch.manual_seed(1)
    prior = LitePrior(SMALL).eval()
    prior.population.normal_()
    picture, plan = np.full((N, N, 3), 128, np.uint8), Plan(12, 12, batch=2, rate=5e-3)

    def strayed(locality: float) -> float:
        monkeypatch.setattr("export.tune._LOCALITY", locality)
        mean, jaw = np.zeros((468, 2)), np.zeros((52, 2))
        tuned = tune(prior, picture, mean, faces, fields, jaw, plan, lambda share: None)
        w, face = prior.population[:4], faces[1:5]
        with torch.no_grad():
            now = tuned.synthesis(w + tuned.displacement(face, w))
            return float((now - prior.synthesis(w + prior.displacement(face, w))).abs().mean())

    assert strayed(1.0) < 0.9 * strayed(0.0)
