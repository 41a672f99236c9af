"""rosinality's names, both ways and against the recorded outputs of its definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from export.generator import stylegan2  # noqa: E402
from export.generator.rosinality import (  # noqa: E402
    from_rosinality,
    to_nvidia,
    without_noise,
)
from export.generator.stack_machine import Refused  # noqa: E402
from tests import generator_files as files  # noqa: E402
from tests import vectors  # noqa: E402
from tests.networks import inputs, off  # noqa: E402

pytestmark = pytest.mark.export
SMALL = stylegan2.StyleGAN2Config((12, 10, 8), z_dim=16, w_dim=16, num_layers=2)


@pytest.mark.data
@torch.no_grad()
def test_it_draws_what_the_public_definition_draws(data: Path) -> None:
    folder = data / "stylegan_vectors"
    recorded = np.load(folder / "rosinality_64.npz")
    tensors = vectors.fill(vectors.read_keys(folder / "keys" / "rosinality_64.txt"))
    average = torch.from_numpy(vectors.filled("latent_avg", (64,)))
    generator = from_rosinality({k: torch.from_numpy(v) for k, v in tensors.items()}, average)
    z, ws = inputs(generator.config)
    assert off(generator.mapping(z), recorded, "w") < 3e-5
    assert off(generator(z), recorded, "image_z") < 2e-4
    assert off(generator(z, 0.7), recorded, "image_z_psi0.7") < 2e-4
    assert off(generator.synthesis(ws), recorded, "image_ws") < 2e-4


@pytest.mark.data
@pytest.mark.parametrize("size", [256, 1024])
def test_published_files_are_known_by_all_their_names(size: int, data: Path) -> None:
    keys = data / "stylegan_vectors" / "keys"
    ours = to_nvidia(
        {
            n: torch.empty(1).expand(s)
            for n, s in vectors.read_keys(keys / f"full_rosinality_{size}.txt")
        }
    )
    theirs = dict(vectors.read_keys(keys / "full_sg2_1024.txt"))
    wanted = {k for k in theirs if "filter" not in k and "w_avg" not in k}
    if size == 1024:
        assert {k: tuple(v.shape) for k, v in ours.items()} == {k: theirs[k] for k in wanted}
    assert set(ours) <= wanted


def test_names_there_and_back() -> None:
    network = stylegan2.Generator(SMALL)
    again = from_rosinality(files.to_rosinality(network), torch.zeros(6, 16))
    assert again.config == SMALL
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_files_without_noise_draw_none() -> None:
    network = stylegan2.Generator(SMALL)
    tensors = {k: v for k, v in files.to_rosinality(network).items() if "noises" not in k}
    again = from_rosinality(tensors, torch.zeros(16))
    assert not any(picture.any() for picture in again.synthesis.noises())
    assert len(without_noise(SMALL)) == 2 * 5


@pytest.mark.parametrize("name", ["convs.99.conv.weight", "to_rgbs.0.conv.other", "nonsense"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(Refused):
        to_nvidia({name: torch.ones(1, 1, 1, 1, 1)})
