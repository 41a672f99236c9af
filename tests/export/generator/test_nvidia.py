"""From a pickled module to a network: sizes read off it, other kinds refused."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
from export.generator import stylegan2, stylegan3  # noqa: E402
from export.generator.nvidia import fit, from_pickle, stylegan2_config  # noqa: E402
from export.generator.pickles import PickledModule  # noqa: E402
from export.generator.stack_machine import Refused  # noqa: E402
from tests import generator_files as files  # noqa: E402

pytestmark = pytest.mark.export
TWO = stylegan2.StyleGAN2Config((12, 10, 8), z_dim=16, w_dim=16, num_layers=2)
THREE = stylegan3.StyleGAN3Config(16, False, 16, 16, channel_base=128, channel_max=8)


def read(made: files.Persistent) -> PickledModule:
    """As the reader gives it."""
    inside = made.state["_modules"]
    state = made.state | {"_modules": {k: read(v) for k, v in inside.items()}}
    return PickledModule(made.class_name, state)


def refusal(made: files.Persistent) -> str:
    with pytest.raises(Refused) as told:
        from_pickle(read(made))
    return str(told.value)


@pytest.mark.parametrize("config", [TWO, stylegan2.StyleGAN2Config((16, 8), 8, 24, 3, 256.0)])
def test_sizes_are_read_off_a_stylegan2(config: stylegan2.StyleGAN2Config) -> None:
    assert from_pickle(read(files.generator(stylegan2.Generator(config)))).config == config


@pytest.mark.parametrize("rotation", [False, True])
def test_sizes_are_read_off_a_stylegan3(rotation: bool) -> None:
    config = stylegan3.StyleGAN3Config(
        32, rotation, 16, 24, 3, channel_base=256 << rotation, channel_max=16 << rotation
    )
    network = stylegan3.Generator(config)
    again = from_pickle(read(files.generator(network)))
    assert again.config == config
    assert torch.equal(again.state_dict()["synthesis.input.freqs"], network.synthesis.input.freqs)


def test_weights_of_half_precision_are_made_whole() -> None:
    network = stylegan2.Generator(TWO)
    config = stylegan2_config(network.state_dict())
    tensors = {k: v.half() for k, v in network.state_dict().items()}
    again = fit(lambda: stylegan2.Generator(config), tensors)
    assert {p.dtype for p in again.parameters()} == {torch.float32}
    assert not again.training
    assert not any(p.requires_grad for p in again.parameters())


def test_a_claim_takes_no_memory() -> None:
    """A bias of a million channels beside no weights of theirs: refused, not made."""
    tensors = {"synthesis.b4.const": torch.zeros(1), "mapping.fc0.weight": torch.zeros(1, 1)}
    tensors["synthesis.b4.conv1.bias"] = torch.zeros(1 << 20)
    config = stylegan2_config(tensors)
    with pytest.raises(Refused, match="another layout"):
        fit(lambda: stylegan2.Generator(config), tensors)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"c_dim": 10}, "class label"),
        ({"img_resolution": 48}, "impossible size"),
        ({"channel_max": -1}, "impossible size"),
        ({"conv_kernel": 1}, "neither configuration t nor r"),
        ({"margin_size": 4}, "margin_size"),
        ({"channel_base": 64}, "another layout"),
        ({"channel_base": 2}, "impossible size"),
    ],
)
def test_generators_of_another_kind_are_refused(changes: dict[str, Any], words: str) -> None:
    made = files.generator(stylegan3.Generator(THREE), **changes)
    assert words in refusal(made)


def test_other_networks_inside_are_refused() -> None:
    network = stylegan2.Generator(TWO)
    made = files.generator(network)
    made.state["_modules"]["synthesis"].state["_modules"]["b8"].state["architecture"] = "resnet"
    assert "resnet" in refusal(made)
    made = files.generator(network)
    made.state["_modules"]["mapping"].state["_modules"]["fc0"].state["weight_gain"] = 0.25
    assert "learning rate" in refusal(made)
    made = files.module("Discriminator", {"b4.conv.weight": torch.ones(2)})
    assert "Discriminator" in refusal(made)
    with torch.no_grad():
        network.synthesis.b4.const[0, 0, 0] = float("nan")
    made = files.generator(network)
    assert "no numbers" in refusal(made)
