"""The pSp and e4e encoder against the outputs of the public definition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from export.generator.ir_se import Head, StyleEncoder, Unit  # noqa: E402
from tests import vectors  # noqa: E402
from tests.networks import filled  # noqa: E402

pytestmark = pytest.mark.export


@pytest.mark.data
@torch.no_grad()
def test_it_gives_the_codes_of_the_public_definition(data: Path) -> None:
    """By the first head of each map; all eighteen are ``python -m tests.check_vectors``'s."""
    recorded = np.load(data / "stylegan_vectors" / "encoder.npz")
    encoder = filled(StyleEncoder(1), inside="encoder.")
    maps = encoder.pyramid(torch.from_numpy(vectors.encoder_image()))
    coarse = maps[16].mean((0, 2, 3)).numpy()
    assert np.abs(coarse - recorded["c3_channel_mean"]).max() < 5e-4
    codes: dict[int, Any] = {}
    for row in (0, 3, 7):
        head = filled(Head(512, StyleEncoder.side(row)), inside=f"encoder.styles.{row}.")
        codes[row] = head(maps[StyleEncoder.side(row)]).numpy()[0]
        assert np.abs(codes[row] - recorded["codes_psp"][0, row]).max() < 5e-4, row
        both = codes[row] + codes[0] * (row > 0)
        assert np.abs(both - recorded["codes_e4e"][0, row]).max() < 5e-4, row


@pytest.mark.data
def test_tensors_are_called_what_published_files_call_them(data: Path) -> None:
    keys = data / "stylegan_vectors" / "keys" / "full_psp_e4e_256.txt"
    listed = {
        name.removeprefix("encoder."): tuple(n // 4 if n >= 64 else n for n in shape)
        for name, shape in vectors.read_keys(keys)
        if name.startswith("encoder.") and ".fc" not in name
    }
    ours = {
        k: tuple(v.shape)
        for k, v in StyleEncoder(14, width=16).state_dict().items()
        if ".fc" not in k
    }
    assert ours == listed


@torch.no_grad()
def test_rows_are_apart_or_added_to_the_first() -> None:
    picture = torch.from_numpy(vectors.encoder_image())
    apart = filled(StyleEncoder(9, width=16), inside="encoder.")
    added = filled(StyleEncoder(9, deltas=True, width=16), inside="encoder.")
    a, b = apart(picture), added(picture)
    assert a.shape == (1, 9, 128)
    torch.testing.assert_close(b[:, 0], a[:, 0])
    torch.testing.assert_close(b[:, 1:], a[:, 1:] + a[:, :1])
    apart.latent_avg += 1
    torch.testing.assert_close(apart(picture), a + 1)


def test_units_shrink_by_their_stride() -> None:
    x = torch.randn(1, 16, 8, 8)
    assert Unit(16, 32, 2)(x).shape == (1, 32, 4, 4)
    assert Unit(16, 16, 1)(x).shape == x.shape
