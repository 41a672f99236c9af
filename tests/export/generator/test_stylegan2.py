"""StyleGAN2 against the outputs of the public definition, its own slow form, and itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from export.generator.stylegan2 import (  # noqa: E402
    Block,
    Generator,
    Mapping,
    StyleGAN2Config,
    Synthesis,
    SynthesisLayer,
    ToRGB,
)
from tests import vectors  # noqa: E402
from tests.networks import filled, inputs, off, watched, wrong_rows  # noqa: E402

pytestmark = pytest.mark.export
SMALL = StyleGAN2Config(channels=(12, 10, 8), z_dim=16, w_dim=16, num_layers=2)
CASES = {
    "sg2_64": StyleGAN2Config.published(64, 2048, 64, z_dim=64, w_dim=64),
    "sg2_256": replace(StyleGAN2Config.published(256, 16384), conv_clamp=256.0),
}


@pytest.mark.data
@torch.no_grad()
def test_it_draws_what_the_public_definition_draws(data: Path) -> None:
    config, recorded = CASES["sg2_64"], np.load(data / "stylegan_vectors" / "sg2_64.npz")
    generator = filled(Generator(config))
    mapping, synthesis = generator.mapping, generator.synthesis
    z, ws = inputs(config)
    assert off(mapping(z), recorded, "w") < 3e-5
    assert off(mapping(z, 0.7), recorded, "w_psi0.7") < 3e-5
    cut = mapping.broadcast(z, config.num_ws, 0.5, cutoff=5)
    assert off(cut[:, [0, 4, 5, -1]], recorded, "w_psi0.5_cut5") < 3e-5
    assert off(generator(z), recorded, "image_z") < 2e-4
    assert off(generator(z, 0.7), recorded, "image_z_psi0.7") < 2e-4
    assert off(synthesis(ws), recorded, "image_ws") < 2e-4
    assert off(synthesis(ws, reference=True), recorded, "image_ws") < 2e-4
    assert off(synthesis.freeze()(ws), recorded, "image_ws") < 2e-4


@pytest.mark.data
@torch.no_grad()
def test_it_does_so_at_the_size_of_published_models(data: Path) -> None:
    config, recorded = CASES["sg2_256"], np.load(data / "stylegan_vectors" / "sg2_256.npz")
    generator = filled(Generator(config))
    z, ws = inputs(config)
    assert off(generator.mapping(z), recorded, "w") < 3e-5
    assert off(generator.synthesis(ws), recorded, "image_ws") < 2e-4


@pytest.mark.data
@torch.no_grad()
def test_every_layer_agrees(data: Path) -> None:
    recorded = np.load(data / "stylegan_vectors" / "sg2_64.npz")
    generator = filled(Generator(CASES["sg2_64"]))
    seen = watched(generator)
    z, ws = inputs(CASES["sg2_64"])
    images = {"image_z": generator(z), "image_z_psi0.7": generator(z, 0.7)}
    images["image_ws"] = generator.synthesis(ws)
    generator.mapping(z)
    levels = [name for name, module in generator.named_modules() if isinstance(module, Block)]
    for name in levels:
        images[f"{name}.x"], images[f"{name}.img"] = seen[name]
    assert len(recorded["check_names"]) == 49
    assert not wrong_rows(seen | images, recorded)


@pytest.mark.data
@pytest.mark.parametrize(
    ("keys", "config"),
    [
        ("full_sg2_1024", StyleGAN2Config.published(1024)),
        ("full_sg2_256_cbase16384", StyleGAN2Config.published(256, 16384)),
    ],
)
def test_tensors_are_called_what_published_files_call_them(
    keys: str, config: StyleGAN2Config, data: Path
) -> None:
    listed = vectors.read_keys(data / "stylegan_vectors" / "keys" / f"{keys}.txt")
    ours = {k: tuple(v.shape) for k, v in Generator(config).state_dict().items()}
    assert ours == {k: shape for k, shape in listed if not k.endswith("resample_filter")}


@torch.no_grad()
def test_its_numbers_are_what_they_were() -> None:
    """Needs no data: a small network that agreed when the tests above did."""
    generator = filled(Generator(SMALL))
    z, ws = inputs(SMALL)
    row = vectors.check_row(generator.synthesis(ws).numpy())
    assert row[:4] == pytest.approx([0.14375, 2.01236, -0.43047, 0.30828], abs=1e-4)
    row = vectors.check_row(generator(z, 0.7).numpy())
    assert row[:4] == pytest.approx([0.14388, 1.02525, 0.3213, 0.32995], abs=1e-4)


@torch.no_grad()
def test_both_forms_agree_and_freezing_changes_nothing() -> None:
    generator = filled(Generator(SMALL))
    _, ws = inputs(SMALL)
    fast = generator.synthesis(ws)
    slow = generator.synthesis(ws, reference=True)
    torch.testing.assert_close(fast, slow, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(generator.synthesis.freeze()(ws), fast)


def test_sizes_follow_from_the_configuration() -> None:
    assert (SMALL.resolution, SMALL.num_ws) == (16, 6)
    full = StyleGAN2Config.published(1024)
    assert (full.num_ws, full.channels[-1], full.channels[0]) == (18, 32, 512)
    with pytest.raises(ValueError, match="96"):
        StyleGAN2Config.published(96)


@torch.no_grad()
def test_every_row_of_the_latent_counts() -> None:
    synthesis, ws = filled(Generator(SMALL)).synthesis, torch.randn(1, 6, 16)
    still = synthesis(ws)
    for row in range(SMALL.num_ws):
        moved = ws.clone()
        moved[:, row] += 1
        assert (synthesis(moved) - still).abs().max() > 1e-3, row


@torch.no_grad()
def test_noise_is_stored_fresh_or_absent() -> None:
    synthesis, ws = filled(Generator(SMALL)).synthesis, torch.randn(1, 6, 16)
    assert torch.equal(synthesis(ws), synthesis(ws))
    assert not torch.equal(synthesis(ws, "random"), synthesis(ws, "random"))
    without = synthesis(ws, "none")
    for picture in synthesis.noises():
        picture.zero_()
    assert torch.equal(synthesis(ws), without)
    assert [len(p) for p in synthesis.noises()] == [4, 8, 8, 16, 16]


def test_layers_can_be_used_apart() -> None:
    x, w = torch.randn(2, 4, 8, 8), torch.randn(2, 16)
    assert SynthesisLayer(4, 6, 16, 16, up=True)(x, w).shape == (2, 6, 16, 16)
    clamped = SynthesisLayer(4, 6, 16, 8, conv_clamp=0.1)(x, w)
    assert float(clamped.detach().abs().max()) == pytest.approx(0.1 * 2**0.5)
    assert ToRGB(4, 16, conv_clamp=0.1)(x, w).detach().abs().max() <= 0.1


def test_everything_learns() -> None:
    synthesis = Synthesis(SMALL)
    synthesis(torch.randn(2, 6, 16), "random").square().mean().backward()
    unmoved = [k for k, p in synthesis.named_parameters() if p.grad is None]
    assert not unmoved


@torch.no_grad()
def test_statistics_are_those_of_the_latent() -> None:
    torch.manual_seed(0)
    mapping = Mapping(16, 16, 2)
    mean, spread = mapping.statistics(4000)
    w = mapping(torch.randn(4000, 16))
    assert (mean - w.mean(0)).abs().max() < 0.2
    assert spread == pytest.approx(float((w - mean).square().sum(1).mean().sqrt()), rel=0.05)
    torch.nn.init.constant_(mapping.w_avg, 3.0)
    assert torch.equal(mapping(torch.randn(2, 16), 0.0), torch.full((2, 16), 3.0))
