"""A corpus of coloured blocks that is written like the real one."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from training.paper.crops import ClipCrops, Crops, write_crops

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
