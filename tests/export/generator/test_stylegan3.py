"""StyleGAN3 against the outputs of the public definition, and against what it promises.

At 256 pixels a minute is spent on it: ``python -m tests.check_vectors`` does that.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from export.generator.stylegan3 import (  # noqa: E402
    FourierInput,
    Generator,
    Stage,
    StyleGAN3Config,
    SynthesisLayer,
)
from tests import vectors  # noqa: E402
from tests.networks import filled, inputs, off, watched, wrong_rows  # noqa: E402

pytestmark = pytest.mark.export
CASES = {
    "sg3t_64": StyleGAN3Config(64, False, 64, 64, channel_base=2048, channel_max=64),
    "sg3r_64": StyleGAN3Config(64, True, 64, 64, channel_base=4096, channel_max=128),
}
SMALL = StyleGAN3Config(16, False, 16, 16, channel_base=256, channel_max=12, synthesis_layers=4)


@pytest.mark.data
@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_it_draws_what_the_public_definition_draws(case: str, data: Path) -> None:
    config, recorded = CASES[case], np.load(data / "stylegan_vectors" / f"{case}.npz")
    generator = filled(Generator(config))
    mapping, synthesis = generator.mapping, generator.synthesis
    seen = watched(generator)
    z, ws = inputs(config)
    assert off(mapping(z, 0.7), recorded, "w_psi0.7") < 3e-5
    cut = mapping.broadcast(z, config.num_ws, 0.5, cutoff=5)
    assert off(cut[:, [0, 4, 5, -1]], recorded, "w_psi0.5_cut5") < 3e-5
    images = {"image_z": generator(z), "image_z_psi0.7": generator(z, 0.7)}
    images["image_ws"] = synthesis(ws)
    assert off(mapping(z), recorded, "w") < 3e-5
    for name, image in images.items():
        assert off(image, recorded, name) < 1e-5
    assert len(recorded["check_names"]) == 37
    assert not wrong_rows(seen | images, recorded)
    synthesis.input.transform.copy_(torch.from_numpy(recorded["transform"]))
    assert off(synthesis(ws, reference=True), recorded, "image_ws_transform") < 1e-5


@pytest.mark.data
@pytest.mark.parametrize("case", CASES)
def test_filters_are_those_of_the_files(case: str, data: Path) -> None:
    recorded = np.load(data / "stylegan_vectors" / f"{case}.npz")
    ours = Generator(CASES[case]).state_dict()
    filters = [k for k in recorded.files if k.startswith("filter/")]
    assert len(filters) == 28
    for name in filters:
        kernel = ours[name.removeprefix("filter/")].numpy()
        assert np.abs(kernel - recorded[name]).max() < 1e-7, name


@pytest.mark.data
@pytest.mark.parametrize(
    ("keys", "config"),
    [
        ("full_sg3t_1024", StyleGAN3Config(1024)),
        ("full_sg3r_1024", StyleGAN3Config(1024, True, channel_base=65536, channel_max=1024)),
        ("full_sg3t_256_cbase32768", StyleGAN3Config(256)),
        (
            "full_sg3r_256_cbase32768",
            StyleGAN3Config(256, True, channel_base=32768, channel_max=1024),
        ),
    ],
)
def test_tensors_are_called_what_published_files_call_them(
    keys: str, config: StyleGAN3Config, data: Path
) -> None:
    listed = vectors.read_keys(data / "stylegan_vectors" / "keys" / f"{keys}.txt")
    ours = {k: tuple(v.shape) for k, v in Generator(config).state_dict().items()}
    assert ours == dict(listed)


@torch.no_grad()
def test_its_numbers_are_what_they_were() -> None:
    """Needs no data: a small network that agreed when the tests above did."""
    generator = filled(Generator(SMALL))
    _, ws = inputs(SMALL)
    row = vectors.check_row(generator.synthesis(ws).numpy())
    assert row[:4] == pytest.approx([-0.01954, 0.08246, 0.02148, 0.02858], abs=1e-4)


@torch.no_grad()
def test_both_forms_agree_and_freezing_changes_nothing() -> None:
    generator = filled(Generator(SMALL))
    _, ws = inputs(SMALL)
    fast = generator.synthesis(ws)
    torch.testing.assert_close(generator.synthesis(ws, reference=True), fast)
    torch.testing.assert_close(generator.synthesis.freeze()(ws), fast)


@torch.no_grad()
def test_moving_the_input_moves_the_image() -> None:
    """What the alias-free design is for: by eight pixels, to within 30 dB (EQ-T, section 2)."""
    generator = filled(Generator(CASES["sg3t_64"]))
    _, ws = inputs(CASES["sg3t_64"])
    ws[:, 0] = 0
    still = generator.synthesis(ws)
    generator.synthesis.input.transform[0, 2] = 8 / 64
    moved = generator.synthesis(ws)
    both = still[..., :, 8:] - moved[..., :, :-8], still[..., :, :-8] - moved[..., :, 8:]
    worst = min(float(d.square().mean()) for d in both)
    assert worst < 1e-3 * float(still.square().mean())


def test_sizes_follow_from_the_configuration() -> None:
    full = StyleGAN3Config(1024, True, channel_base=65536, channel_max=1024)
    assert full.num_ws == 16
    assert [s.channels for s in full.stages][-5:] == [161, 102, 64, 64, 3]
    assert full.stages[0] == Stage(1024, 36, 16.0, 2.0, 6.0)


def test_every_row_of_the_latent_counts() -> None:
    generator = filled(Generator(SMALL))
    ws = torch.randn(1, SMALL.num_ws, 16)
    with torch.no_grad():
        still = generator.synthesis(ws)
        for row in range(SMALL.num_ws):
            moved = ws.clone()
            moved[:, row] += 1
            assert (generator.synthesis(moved) - still).abs().max() > 1e-4, row


def test_everything_learns() -> None:
    generator = Generator(SMALL)
    generator(torch.randn(2, 16)).square().mean().backward()
    assert not [k for k, p in generator.named_parameters() if p.grad is None]


def test_parts_can_be_used_apart() -> None:
    coarse, fine = SMALL.stages[0], SMALL.stages[1]
    w = torch.randn(2, 16)
    x = FourierInput(16, coarse)(w)
    assert x.shape == (2, coarse.channels, coarse.size, coarse.size)
    layer = SynthesisLayer(16, coarse, fine, kernel=3)
    assert layer(x, w).shape == (2, fine.channels, fine.size, fine.size)
