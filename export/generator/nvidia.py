"""Generators of NVIDIA's releases: from what a pickle holds to networks of ours.

Tensors are called the same here as there. Sizes are read off the tensors; what these do not show
(the clamp, a mapping network of another kind, filters of other lengths) stands in the attributes of
the pickled modules, and what our networks do not do is refused rather than left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from export.generator import stylegan2, stylegan3
from export.generator.modulation import FILTER
from export.generator.pickles import PickledModule
from export.generator.stack_machine import Refused

__all__ = ["N", "fit", "from_pickle", "stylegan2_config"]

N = TypeVar("N", bound=nn.Module)

# Arguments of StyleGAN3's synthesis that change what is drawn, and the only values that we draw.
_FIXED = {
    "num_layers": 14,
    "num_critical": 2,
    "first_cutoff": 2,
    "first_stopband": 2**2.1,
    "last_stopband_rel": 2**0.3,
    "margin_size": 10,
    "output_scale": 0.25,
    "filter_size": 6,
    "lrelu_upsampling": 2,
    "conv_clamp": 256,
}
_RESOLUTIONS = tuple(1 << k for k in range(4, 12))


def from_pickle(module: PickledModule) -> stylegan2.Generator | stylegan3.Generator:
    """The generator, its weights loaded. Raises Refused for what is none, or is of another kind."""
    if module.class_name != "Generator":
        raise Refused(f"a {module.class_name[:40]} in the place of a generator")
    tensors = module.tensors()
    arguments = module.arguments()
    if arguments.get("c_dim") or any(k.startswith("mapping.embed.") for k in tensors):
        raise Refused("a generator that wants a class label")
    if "synthesis.b4.const" in tensors:
        clamp = _at(module, "synthesis", "b4", "conv1").get("conv_clamp")
        config = stylegan2_config(tensors, None if clamp is None else float(clamp))
        _check_stylegan2(module, tensors, config)
        kept = {k: v for k, v in tensors.items() if not k.endswith("resample_filter")}
        return fit(lambda: stylegan2.Generator(config), kept)
    if "synthesis.input.freqs" in tensors:
        shape = _stylegan3_config(arguments, tensors)
        return fit(lambda: stylegan3.Generator(shape), tensors)
    raise Refused("a generator that is neither StyleGAN2 nor StyleGAN3")


def stylegan2_config(
    tensors: Mapping[str, Tensor], conv_clamp: float | None = None
) -> stylegan2.StyleGAN2Config:
    """Sizes, read off tensors under NVIDIA's names. Raises Refused where they are missing."""
    layers = sum(re.fullmatch(r"mapping\.fc\d+\.weight", k) is not None for k in tensors)
    channels, side = [], 4
    while (bias := tensors.get(f"synthesis.b{side}.conv1.bias")) is not None and side <= 4096:
        channels.append(bias.numel())
        side *= 2
    first = tensors.get("mapping.fc0.weight")
    if first is None or first.ndim != 2 or not channels:
        raise Refused("a generator without its mapping or its synthesis network")
    w_dim, z_dim = first.shape
    return stylegan2.StyleGAN2Config(tuple(channels), z_dim, w_dim, layers, conv_clamp)


def fit(build: Callable[[], N], tensors: Mapping[str, Tensor]) -> N:
    """The network with these weights, all of them and no others, for use. Raises Refused.

    It is built without memory first: a file may claim to be any size.
    """
    try:
        with torch.device("meta"):
            network = build()
    except (ValueError, ArithmeticError, RuntimeError) as error:
        raise Refused("a generator or encoder of an impossible size") from error
    wanted = network.state_dict()
    wrong = [k for k in wanted if k not in tensors or tensors[k].shape != wanted[k].shape]
    wrong += [k for k in tensors if k not in wanted]
    if wrong:
        raise Refused(
            f"a generator or encoder of another layout ({len(wrong)} tensors differ, such as "
            f"{wrong[0][:60]!r})"
        )
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise Refused(f"weights that are no numbers ({name[:60]!r})")
    own = {k: v.to(wanted[k].dtype, copy=True) for k, v in tensors.items()}
    network.load_state_dict(own, assign=True)
    return network.eval().requires_grad_(False)


def _at(module: PickledModule, *path: str) -> dict[str, Any]:
    """Attributes of a module inside; empty where there is none."""
    for name in path:
        inside = module.state.get("_modules")
        found = inside.get(name) if isinstance(inside, dict) else None
        if not isinstance(found, PickledModule):
            return {}
        module = found
    return module.state


def _check_stylegan2(
    module: PickledModule, tensors: Mapping[str, Tensor], config: stylegan2.StyleGAN2Config
) -> None:
    for k in range(len(config.channels)):
        architecture = _at(module, "synthesis", f"b{4 << k}").get("architecture", "skip")
        if architecture != "skip":
            raise Refused(f"a synthesis network of the kind {str(architecture)[:20]!r}")
    usual = np.outer(FILTER, FILTER) / np.sum(FILTER) ** 2
    for name, value in tensors.items():
        if name.endswith("resample_filter") and (
            value.shape != (4, 4) or not np.allclose(value.numpy(), usual, atol=1e-5)
        ):
            raise Refused("a filter other than [1, 3, 3, 1]")
    gain = _at(module, "mapping", "fc0").get("weight_gain")
    ours = stylegan2.MAPPING_LR_MULTIPLIER * config.z_dim**-0.5
    if isinstance(gain, float) and not np.isclose(gain, ours):
        raise Refused("a mapping network of another learning rate")


def _stylegan3_config(
    arguments: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> stylegan3.StyleGAN3Config:
    synthesis = dict(arguments) | _dict(arguments.get("synthesis_kwargs"))
    for name, only in _FIXED.items():
        value = synthesis.get(name, only)
        if not isinstance(value, int | float) or not np.isclose(value, only):
            raise Refused(f"a StyleGAN3 whose {name} is not {only}")
    first = tensors.get("mapping.fc0.weight")
    if first is None or first.ndim != 2:
        raise Refused("a generator without its mapping network")
    resolution = synthesis.get("img_resolution")
    base, most = synthesis.get("channel_base", 32768), synthesis.get("channel_max", 512)
    rotation = bool(synthesis.get("use_radial_filters", False))
    if (synthesis.get("conv_kernel", 3) == 1) != rotation:
        raise Refused("a StyleGAN3 that is neither configuration t nor r")
    if resolution not in _RESOLUTIONS or not all(
        isinstance(n, int) and 0 < n <= 1 << 20 for n in (base, most)
    ):
        raise Refused("a generator of an impossible size")
    layers = sum(re.fullmatch(r"mapping\.fc\d+\.weight", k) is not None for k in tensors)
    w_dim, z_dim = first.shape
    return stylegan3.StyleGAN3Config(resolution, rotation, z_dim, w_dim, layers, base, most)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
