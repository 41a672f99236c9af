"""The fill rule of tests/vectors.py against the numbers that its README gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import vectors

CASES = ("sg2_64", "rosinality_64", "sg3t_64", "sg3r_64")


@pytest.mark.parametrize(
    ("name", "shape", "first"),
    [
        ("input.z", (2, 64), [-0.260876965, 1.808844359, 0.371887709, -1.275400366]),
        ("synthesis.b4.const", (64, 4, 4), [-0.9423, -1.133247740, 1.283826491, 0.688135830]),
    ],
)
def test_normals_follow_from_the_name(
    name: str, shape: tuple[int, ...], first: list[float]
) -> None:
    drawn = vectors.normals(name, shape)
    assert drawn.shape == shape
    assert drawn.reshape(-1)[:4] == pytest.approx(first, abs=1e-6)
    assert not np.allclose(vectors.normals(name, shape, "another."), drawn)


@pytest.mark.data
@pytest.mark.parametrize("case", CASES)
def test_every_tensor_is_filled_as_recorded(case: str, data: Path) -> None:
    folder = data / "stylegan_vectors"
    recorded = np.load(folder / "fill_checks.npz")
    tensors = vectors.fill(vectors.read_keys(folder / "keys" / f"{case}.txt"))
    names = [str(n) for n in recorded[f"{case}/names"]]
    for name, wanted in zip(names, recorded[f"{case}/values"], strict=True):
        if name in tensors:
            values = tensors[name].astype(np.float64).reshape(-1)
            got = (values[0], values[-1], values.mean(), values.std())
            assert got == pytest.approx(wanted, abs=1e-6), name
    left = {n for n in names if n not in tensors}
    assert all(n.endswith(("up_filter", "down_filter")) for n in left)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        vectors.filled("nonsense", (1,))
