"""Frechet distances name their features; drawn faces are found and aligned like real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchmetrics")

from engine.errors import BadInput  # noqa: E402
from export.landmarks import FaceMesh  # noqa: E402
from export.video_score import aligned  # noqa: E402
from tests.photos import astronaut  # noqa: E402
from training.paper.discriminator import Discriminator  # noqa: E402
from training.paper.measures import (  # noqa: E402
    DiscriminatorFeatures,
    FrechetDistance,
    RealClip,
    ShippedFeatures,
    frechet_distances,
    measured,
    scores,
    still,
)

pytestmark = pytest.mark.export


@pytest.fixture(scope="module")
def features() -> DiscriminatorFeatures:
    torch.manual_seed(0)
    return DiscriminatorFeatures(Discriminator((8, 8, 8, 8)), 32)


def noise(level: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return list(rng.integers(0, level, (40, 64, 64, 3)).astype(np.uint8))


def test_equal_sets_are_at_no_distance_and_darker_ones_far(features) -> None:
    real = noise(256, 0)
    drawn = {"same": real, "near": noise(256, 1), "far": noise(128, 1)}
    found = frechet_distances(real, drawn, features)
    same, near, far = (found[name] for name in drawn)
    assert abs(same.value) < 1e-3
    assert far.value > 10 * near.value
    assert same.frames == 40
    assert "this project's discriminator" in same.features


def test_distances_of_other_features_are_not_compared(features) -> None:
    ours = FrechetDistance(3.0, features.name, 40)
    assert FrechetDistance(5.0, features.name, 40) - ours == pytest.approx(2.0)
    with pytest.raises(BadInput, match="same features"):
        FrechetDistance(5.3, "Inception-v3, 2048 features", 40) - ours


def test_features_of_another_network_have_another_name(features) -> None:
    torch.manual_seed(1)
    assert DiscriminatorFeatures(Discriminator((8, 8, 8, 8)), 32).name != features.name


def test_without_a_trained_discriminator_the_shipped_encoder_serves() -> None:
    shipped = ShippedFeatures()
    assert "shipped prior's encoder" in shipped.name
    pictures = torch.from_numpy(np.stack(noise(256, 0)[:2])).permute(0, 3, 1, 2)
    assert shipped(pictures).shape == (2, shipped.num_features)


def test_a_drawn_crop_is_measured_where_it_is() -> None:
    photo = astronaut()
    with FaceMesh() as mesh:
        landmarks = mesh.detect(photo)
    face = aligned(photo, landmarks)
    real = RealClip([face, face], face)
    again = measured([face[0], face[0]], real)
    assert scores(real, again).lmd < 1.5
    assert scores(real, still(real)).lmd == 0
    # Where no face is found, the last known place stands.
    blank = measured([np.zeros((64, 64, 3), np.uint8)], RealClip([face], face))
    np.testing.assert_allclose(blank[0][1], aligned(np.zeros((256, 256, 3), np.uint8), face[1])[1])


def test_inception_needs_its_own_package(tmp_path: Path) -> None:
    from importlib.util import find_spec

    if find_spec("torch_fidelity"):
        pytest.skip("torch-fidelity is installed")
    from engine.errors import MissingExtra

    with pytest.raises(MissingExtra, match="torch-fidelity"):
        frechet_distances(noise(9, 0), {"a": noise(9, 1)}, tmp_path / "inception.pth")
