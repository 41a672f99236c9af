"""Files of generators as their makers write them, of networks that are ours.

The layout is that of ``../shared/data/stylegan_vectors/pickle_structure.json``: pickle and torch
themselves write it, from objects that reduce to what those of the makers reduce to.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from export.generator import stylegan2, stylegan3

# Would be executed by whoever loads the file the usual way.
SOURCE = "raise SystemExit('the source in a pickle was executed')"
_BUFFERS = ("w_avg", "resample_filter", "noise_const", "freqs", "phases", "transform")
_BUFFERS += ("magnitude_ema", "up_filter", "down_filter")  # type: ignore[assignment]


def _reconstruct_persistent_obj(meta: dict[str, Any]) -> object:
    exec(meta["module_src"])  # what NVIDIA's does
    return meta


class EasyDict(dict[str, Any]):
    """A dict with attributes, as keyword arguments lie in real files."""


@contextmanager
def makers() -> Iterator[None]:
    """The modules of the makers, which pickle wants to see while it writes."""
    made = {
        "torch_utils": {},
        "torch_utils.persistence": {"_reconstruct_persistent_obj": _reconstruct_persistent_obj},
        "dnnlib": {},
        "dnnlib.util": {"EasyDict": EasyDict},
    }
    for name, content in made.items():
        module = types.ModuleType(name)
        for key, value in content.items():
            setattr(module, key, value)
            value.__module__ = name
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in made:
            del sys.modules[name]


class Persistent:
    """Reduces as ``torch_utils.persistence`` makes every module reduce."""

    def __init__(self, class_name: str, state: dict[str, Any]) -> None:
        self.class_name, self.state = class_name, state

    def __reduce__(self) -> tuple[Any, ...]:
        meta = {
            "type": "class",
            "version": 6,
            "module_src": SOURCE,
            "class_name": self.class_name,
            "state": self.state,
        }
        return _reconstruct_persistent_obj, (meta,)


def module(class_name: str, tensors: dict[str, Tensor], **attributes: Any) -> Persistent:
    """A module of the makers' with these tensors in it and in modules inside it."""
    parameters: dict[str, Any] = {}
    buffers: dict[str, Any] = {}
    inside: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        first, dot, rest = name.partition(".")
        if dot:
            inside.setdefault(first, {})[rest] = value
        elif name in _BUFFERS:
            buffers[name] = value
        else:
            parameters[name] = nn.Parameter(value)
    state = {
        "training": False,
        "_parameters": parameters,
        "_buffers": buffers,
        "_non_persistent_buffers_set": set(),
        "_modules": {k: module(_CLASSES.get(k, "SynthesisLayer"), v) for k, v in inside.items()},
        "_init_args": (),
        "_init_kwargs": {},
        "act_gain": np.float64(2**0.5),
        "size": np.array([36, 36]),
    }
    return Persistent(class_name, state | attributes)


_CLASSES = {
    "mapping": "MappingNetwork",
    "synthesis": "SynthesisNetwork",
    "affine": "FullyConnectedLayer",
    "torgb": "ToRGBLayer",
    "input": "SynthesisInput",
}


def generator(network: stylegan2.Generator | stylegan3.Generator, **changes: Any) -> Persistent:
    """The whole of a network, as ``G_ema`` is. changes: to its arguments."""
    tensors = {k: v.detach().clone() for k, v in network.state_dict().items()}
    config = network.config
    arguments: dict[str, Any] = {"c_dim": 0, "z_dim": config.z_dim, "w_dim": config.w_dim}
    arguments |= {"img_resolution": config.resolution, "img_channels": 3}
    if isinstance(config, stylegan3.StyleGAN3Config):
        arguments |= {
            "channel_base": config.channel_base,
            "channel_max": config.channel_max,
            "conv_kernel": 1 if config.rotation else 3,
            "use_radial_filters": config.rotation,
            "mapping_kwargs": EasyDict(num_layers=config.num_layers),
        }
    else:
        usual = torch.tensor([1.0, 3, 3, 1]) / 8
        for k in range(len(config.channels)):
            tensors[f"synthesis.b{4 << k}.resample_filter"] = torch.outer(usual, usual)
        arguments |= {"mapping_kwargs": EasyDict(), "synthesis_kwargs": EasyDict()}
    made = module("Generator", tensors, _init_kwargs=arguments | changes)
    if isinstance(config, stylegan2.StyleGAN2Config):
        blocks = made.state["_modules"]["synthesis"].state["_modules"]
        for block in blocks.values():
            for layer in block.state["_modules"].values():
                layer.state["conv_clamp"] = config.conv_clamp
    return made


def write_nvidia(path: Path, made: object, protocol: int = 4) -> Path:
    """NVIDIA's ``.pkl``."""
    with makers(), path.open("wb") as file:
        other = module("Discriminator", {"b4.conv.weight": torch.ones(2, 2)})
        content = {"G": None, "D": other, "G_ema": made, "training_set_kwargs": EasyDict(path="x")}
        pickle.dump(content, file, protocol)
    return path


def write_tuned(path: Path, made: object) -> Path:
    """A whole generator, as pivotal tuning saves it."""
    with makers():
        torch.save(made, path)
    return path


def to_rosinality(network: stylegan2.Generator) -> dict[str, Tensor]:
    """A state dict under rosinality's names."""
    usual = torch.tensor([1.0, 3, 3, 1]) / 4
    found: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        parts = name.split(".")
        if parts[0] == "mapping":
            if parts[1].startswith("fc"):
                found[f"style.{int(parts[1][2:]) + 1}.{parts[2]}"] = value
            continue
        level = int(parts[1][1:]).bit_length() - 4  # -1 for 4 pixels, 0 for 8
        if parts[2] == "const":
            found["input.input"] = value[None]
            continue
        rgb, first = parts[2] == "torgb", level < 0
        k = 2 * level + (parts[2] == "conv1")
        layer = (
            ("to_rgb1" if first else f"to_rgbs.{level}")
            if rgb
            else ("conv1" if first else f"convs.{k}")
        )
        match parts[3:]:
            case ["weight"]:
                found[f"{layer}.conv.weight"] = value[None]
            case ["affine", kind]:
                found[f"{layer}.conv.modulation.{kind}"] = value
            case ["noise_strength"]:
                found[f"{layer}.noise.weight"] = value.reshape(1)
            case ["noise_const"]:
                found[f"noises.noise_{0 if first else k + 1}"] = value[None, None]
            case ["bias"]:
                found[f"{layer}.bias" if rgb else f"{layer}.activate.bias"] = (
                    value.reshape(1, 3, 1, 1) if rgb else value
                )
        if parts[2] == "conv0":
            found[f"{layer}.conv.blur.kernel"] = torch.outer(usual, usual)
    return found


def write_rosinality(path: Path, network: stylegan2.Generator, *, trained: bool = False) -> Path:
    """Converted, with the mean w beside it, or as a training run leaves it."""
    state = to_rosinality(network)
    content: dict[str, Any] = {"g_ema": state, "latent_avg": network.mapping.w_avg}
    if trained:
        content = {"g": state, "d": {}, "g_ema": state, "g_optim": {"state": {}}}
        content["args"] = argparse.Namespace(size=16, iter=3)
    torch.save(content, path)
    return path


def write_psp(
    path: Path, network: stylegan2.Generator, encoder: nn.Module, kind: str, **options: Any
) -> Path:
    """pSp's or e4e's file."""
    state = {f"encoder.{k}": v for k, v in encoder.state_dict().items()}
    state |= {f"decoder.{k}": v for k, v in to_rosinality(network).items()}
    average = network.mapping.w_avg.expand(network.synthesis.num_ws, -1).clone()
    opts = {"encoder_type": kind, "start_from_latent_avg": True, "input_nc": 3} | options
    torch.save({"state_dict": state, "opts": opts, "latent_avg": average}, path)
    return path
