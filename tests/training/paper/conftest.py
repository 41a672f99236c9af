"""A corpus of coloured blocks that is written like the real one."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from engine.motion import ARKIT_INDEX
from export.canvas import canvas_picture
from export.generator.prior import LitePrior
from export.landmarks import FaceMesh
from export.puppet import Puppet
from tests.photos import astronaut
from training.paper.crops import ClipCrops, Crops, write_crops
from training.paper.lite import LiteSpace

SIDE, FRAMES = 32, 30


def blocks(count: int, rng: np.random.Generator) -> np.ndarray:
    """``[count, 32, 32, 3]`` smooth random pictures."""
    coarse = rng.integers(40, 215, (count, 4, 4, 3)).astype(np.uint8)
    return np.stack([cv2.resize(c, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for c in coarse])


@pytest.fixture(scope="session")
def corpus() -> Crops:
    """Three clips of s1, the last of them held out, one stranger, six faces more."""
    rng = np.random.default_rng(0)
    clips = [
        ClipCrops(
            key, held, 1, blocks(FRAMES, rng),
            rng.normal(size=(FRAMES, 28, 12)).astype(np.float32),
            rng.uniform(0, 0.4, (FRAMES, 52)).astype(np.float32),
            rng.uniform(0, 0.4, (FRAMES, 52)).astype(np.float32),
        )
        for key, held in (("s1_a", False), ("s1_b", False), ("s1_c", True), ("x_d", True))
    ]  # fmt: skip
    return Crops(clips, blocks(6, rng))


@pytest.fixture(scope="session")
def crops_file(corpus: Crops, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, on disk."""
    path = tmp_path_factory.mktemp("paper") / "crops.npz"
    write_crops(corpus, path)
    return path


@pytest.fixture(scope="session")
def puppet() -> Puppet:
    """The astronaut."""
    photo = astronaut()
    with FaceMesh() as mesh:
        return Puppet(photo, mesh.detect(photo))


@pytest.fixture(scope="session")
def space(puppet: Puppet) -> LiteSpace:
    """The shipped prior and the astronaut, who says the clip ``s1_a``."""
    prior = LitePrior.load()
    size = prior.config.size
    photo = torch.from_numpy(canvas_picture(puppet.image, puppet.matrix, size))
    rest = torch.from_numpy(puppet.fields(np.zeros(52, np.float32), size).stack())
    landmarks = torch.from_numpy(puppet.rest.astype(np.float32))[None]
    photos = photo.permute(2, 0, 1)[None].float() / 255
    return LiteSpace(prior, ["s1_a"], photos, landmarks, rest[None])


@pytest.fixture(scope="session")
def talking() -> ClipCrops:
    """A clip in which the jaw opens once."""
    motion = np.zeros((30, 52), np.float32)
    motion[10:20, ARKIT_INDEX["jawOpen"]] = 0.5
    nothing = np.zeros((30, 28, 12), np.float32)
    return ClipCrops("s1_a", True, 0, np.zeros((30, 4, 4, 3), np.uint8), nothing, motion, motion)
