"""rosinality's names for the tensors of a StyleGAN2, which pSp and e4e use as well.

The weights are the same numbers in other shapes; none is flipped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from export.generator import stylegan2
from export.generator.nvidia import fit, stylegan2_config
from export.generator.stack_machine import Refused

__all__ = ["from_rosinality", "to_nvidia", "without_noise"]

_FIXED = re.compile(r".*\.(blur|upsample)\.kernel")  # the [1, 3, 3, 1] filter times 4


def from_rosinality(
    tensors: Mapping[str, Tensor], latent_avg: Tensor | None = None
) -> stylegan2.Generator:
    """The generator, its weights loaded.

    latent_avg: the mean w, ``[w_dim]`` or a row for each layer; files of training runs have none,
    and it is sampled. Raises Refused.
    """
    named = to_nvidia(tensors)
    config = stylegan2_config(named)
    named = without_noise(config) | named  # files of the first versions have no noise pictures
    w_avg = torch.zeros(config.w_dim)
    if latent_avg is not None:
        w_avg = latent_avg.float().reshape(-1, latent_avg.shape[-1]).mean(0)
    generator = fit(lambda: stylegan2.Generator(config), named | {"mapping.w_avg": w_avg})
    if latent_avg is None:
        generator.mapping.w_avg.copy_(generator.mapping.statistics()[0])
    return generator


def to_nvidia(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under NVIDIA's names and in their shapes. Raises Refused for others."""
    found = {}
    for name, value in tensors.items():
        if not _FIXED.fullmatch(name):
            theirs, shape = _renamed(name, value)
            try:
                found[theirs] = value.reshape(shape)
            except RuntimeError as error:
                raise Refused(f"a tensor {name[:60]!r} of another shape") from error
    return found


def _renamed(name: str, value: Tensor) -> tuple[str, tuple[int, ...]]:
    shape = tuple(value.shape)
    if match := re.fullmatch(r"style\.(\d+)\.(weight|bias)", name):
        return f"mapping.fc{int(match[1]) - 1}.{match[2]}", shape
    if name == "input.input":
        return "synthesis.b4.const", shape[1:]
    if match := re.fullmatch(r"noises\.noise_(\d+)", name):
        return _noise_name(int(match[1])), shape[2:]
    if match := re.fullmatch(r"(conv1|convs\.(\d+)|to_rgb1|to_rgbs\.(\d+))\.(.+)", name):
        layer = _layer(match[1], match[2] or match[3])
        rest = {
            "conv.weight": ("weight", shape[1:]),
            "conv.modulation.weight": ("affine.weight", shape),
            "conv.modulation.bias": ("affine.bias", shape),
            "noise.weight": ("noise_strength", ()),
            "activate.bias": ("bias", shape),
            "bias": ("bias", (-1,)),
        }.get(match[4])
        if rest:
            return f"{layer}.{rest[0]}", rest[1]
    raise Refused(f"a tensor {name[:60]!r}, which no StyleGAN2 has")


def _layer(kind: str, number: str | None) -> str:
    if number is None:
        return "synthesis.b4.conv1" if kind == "conv1" else "synthesis.b4.torgb"
    k = int(number)
    if k > 64:
        raise Refused("a generator of an impossible size")
    if kind.startswith("to_rgbs"):
        return f"synthesis.b{8 << k}.torgb"
    return f"synthesis.b{8 << k // 2}.conv{k % 2}"


def _noise_name(k: int) -> str:
    return f"{_layer('convs', str(k - 1)) if k else 'synthesis.b4.conv1'}.noise_const"


def without_noise(config: stylegan2.StyleGAN2Config) -> dict[str, Tensor]:
    """Black noise pictures of no strength by NVIDIA's names, for files that hold none."""
    found = {}
    for side in (4 << k for k in range(len(config.channels))):
        for layer in ("conv1",) if side == 4 else ("conv0", "conv1"):
            found[f"synthesis.b{side}.{layer}.noise_const"] = torch.zeros(side, side)
            found[f"synthesis.b{side}.{layer}.noise_strength"] = torch.zeros([])
    return found
