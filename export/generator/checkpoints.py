"""Generators and encoders that people have, read from the files they have them in.

* NVIDIA's ``.pkl``: StyleGAN2 and StyleGAN3 (stylegan2-ada-pytorch, stylegan3)
* rosinality's ``.pt``: StyleGAN2 (stylegan2-pytorch), converted or trained
* ``.pt`` of pixel2style2pixel and encoder4editing: such a generator and its encoder
* ``.pt`` of pivotal tuning: a whole generator of NVIDIA's, tuned to one person
* ``.safetensors``: what this project trains

Nothing of a file is executed: pickled generators are walked by ``export.generator.pickles``, files
of tensors are read by torch's weights-only reader. Such weights mostly have licences of their own.
"""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from engine.errors import BadCheckpoint
from export.generator import stylegan2, stylegan3
from export.generator.ir_se import StyleEncoder
from export.generator.nvidia import fit, from_pickle
from export.generator.pickles import PickledModule, names_in, read_pickle, read_torch_zip
from export.generator.pyramid import PyramidEncoder
from export.generator.rosinality import from_rosinality, without_noise
from export.generator.stack_machine import DAMAGED, Refused

__all__ = ["Checkpoint", "Encoder", "Generator", "read_checkpoint", "read_encoder"]

Generator = stylegan2.Generator | stylegan3.Generator
Encoder = StyleEncoder | PyramidEncoder
T = TypeVar("T")

_ENCODERS = {"GradualStyleEncoder": False, "Encoder4Editing": True}  # rows are deltas
_MODULE = b"_reconstruct_persistent_obj"
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C.to_bytes(10, "little")  # torch's files of before 1.6


@dataclass(frozen=True)
class Checkpoint:
    """generator: in float32 and evaluation mode. encoder: that of the same file, if it has one.

    kind: what the file is, in words. aligned: how faces lie in the pictures that it was trained on,
    ``ffhq`` as in everybody's, or ``eyes`` as in what this project trains.
    """

    generator: Generator
    encoder: Encoder | None
    kind: str
    aligned: str = "ffhq"


def read_checkpoint(path: Path) -> Checkpoint:
    """The generator in a file, and its encoder if it has one. Raises BadCheckpoint."""
    wanted = (
        "a StyleGAN2 or StyleGAN3 as NVIDIA (.pkl), rosinality, pSp, e4e or PTI (.pt) write them"
    )
    return _told(path, wanted, _checkpoint)


def read_encoder(path: Path, generator: Generator) -> Encoder:
    """The encoder in a file, which fits the generator. Raises BadCheckpoint."""
    encoder = _told(path, "the encoder of a pSp or e4e .pt file", _encoder)
    synthesis = generator.synthesis
    ours = (encoder.num_ws, encoder.w_dim)
    if ours != (synthesis.num_ws, synthesis.config.w_dim):
        raise BadCheckpoint(
            f"{path.name} encodes into {ours[0]} rows of {ours[1]}, expected "
            f"{synthesis.num_ws} of {synthesis.config.w_dim} as the generator has: take the "
            "encoder that was trained for it, or none"
        )
    return encoder


def _told(path: Path, wanted: str, read: Callable[[Path], T]) -> T:
    """What a reader gives, or one sentence on why there is nothing."""
    if not path.is_file():
        raise BadCheckpoint(f"there is no file {path}, expected {wanted}")
    try:
        return read(path)
    except Refused as error:
        advice = "copy it again, and take no files from a source you do not trust"
        if "dnnlib.tflib" in str(error):
            advice = (
                "it is of TensorFlow's days: convert it with legacy.py of NVIDIA's PyTorch code"
            )
        raise BadCheckpoint(f"{path.name} holds {error}, expected {wanted}: {advice}") from error


def _checkpoint(path: Path) -> Checkpoint:
    with path.open("rb") as file:
        head = file.read(16)
    if path.suffix == ".safetensors":
        return _own(path)
    if head[:2] == b"PK":
        if _MODULE in names_in(path):
            return _pickled(read_torch_zip(path), "StyleGAN whole, as pivotal tuning saves it")
        return _from_state(_tensors_of(path))
    if head[:1] != b"\x80":
        raise Refused("neither a pickle nor an archive of torch's")
    if _LEGACY_MAGIC in head:
        return _from_state(_tensors_of(path, mapped=False))
    with path.open("rb") as file:
        return _pickled(read_pickle(file), "NVIDIA's")


def _encoder(path: Path) -> Encoder:
    if path.suffix == ".safetensors":
        return _own_encoder(path)
    encoder = _checkpoint(path).encoder
    if encoder is None:
        raise Refused("a generator without an encoder")
    return encoder


# -- pickled generators ---------------------------------------------------------------------------


def _pickled(content: object, maker: str) -> Checkpoint:
    if isinstance(content, dict):
        content = content.get("G_ema", content.get("G"))
    if not isinstance(content, PickledModule):
        raise Refused("no generator")
    generator = from_pickle(content)
    return Checkpoint(generator, None, f"{maker}, {_described(generator)}")


def _described(generator: Generator) -> str:
    config = generator.config
    if isinstance(config, stylegan2.StyleGAN2Config):
        return f"StyleGAN2, {config.resolution} pixels"
    return f"StyleGAN3-{'r' if config.rotation else 't'}, {config.resolution} pixels"


# -- state dicts ----------------------------------------------------------------------------------


def _tensors_of(path: Path, mapped: bool = True) -> dict[str, Any]:
    """What torch's weights-only reader gives. ``args`` of training runs are a Namespace."""
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise Refused("more than tensors, which torch's weights-only reader refuses") from error
    except Exception as error:  # its reader lets through whatever it stumbles over
        raise Refused(DAMAGED) from error
    if not isinstance(content, dict):
        raise Refused("no dict of tensors")
    return content


def _from_state(content: Mapping[str, Any]) -> Checkpoint:
    if "state_dict" in content and "latent_avg" in content:
        return _encoder_and_decoder(content)
    tensors = _only_tensors(content.get("g_ema", content))
    average = content.get("latent_avg")
    if average is not None and not (isinstance(average, Tensor) and average.ndim in (1, 2)):
        raise Refused("an average latent of another shape")
    generator = from_rosinality(tensors, average)
    return Checkpoint(generator, None, f"rosinality's, {_described(generator)}")


def _encoder_and_decoder(content: Mapping[str, Any]) -> Checkpoint:
    """pSp and e4e, whose files differ in what their options say."""
    tensors, average = _only_tensors(content["state_dict"]), content["latent_avg"]
    options = content.get("opts")
    options = vars(options) if isinstance(options, argparse.Namespace) else options
    if not isinstance(average, Tensor) or average.ndim not in (1, 2):
        raise Refused("an average latent of another shape")
    if not isinstance(options, dict):
        raise Refused("a pSp or e4e file without its options")
    parts: dict[str, dict[str, Tensor]] = {"encoder": {}, "decoder": {}}
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        if part not in parts:
            raise Refused(f"a tensor {name[:60]!r}, which no pSp or e4e file has")
        parts[part][rest] = value
    generator = from_rosinality(parts["decoder"], average)
    encoder = _style_encoder(parts["encoder"], options)
    if (encoder.num_ws, encoder.w_dim) != (generator.config.num_ws, generator.config.w_dim):
        raise Refused("an encoder that does not fit its generator")
    rows = torch.zeros(encoder.num_ws, encoder.w_dim)
    encoder.latent_avg = rows + average if options.get("start_from_latent_avg", True) else rows
    name = "e4e" if encoder.deltas else "pSp"
    return Checkpoint(generator, encoder, f"{name} with its {_described(generator)}")


def _style_encoder(tensors: dict[str, Tensor], options: Mapping[str, Any]) -> StyleEncoder:
    kind = options.get("encoder_type")
    if kind not in _ENCODERS or options.get("learn_in_w"):
        raise Refused(f"an encoder of the kind {str(kind)[:40]!r}")
    heads = {name.split(".")[1] for name in tensors if name.startswith("styles.")}
    stem = tensors.get("input_layer.0.weight")
    if stem is None or not 0 < len(heads) <= 32 or not 16 <= stem.shape[0] <= 256:
        raise Refused("an encoder of another layout")
    deltas, width = _ENCODERS[kind], int(stem.shape[0])
    return fit(lambda: StyleEncoder(len(heads), deltas=deltas, width=width), tensors)


def _only_tensors(content: object) -> dict[str, Tensor]:
    if not isinstance(content, dict):
        raise Refused("no dict of tensors")
    tensors = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, Tensor)}
    if not tensors or len(tensors) != len(content):
        raise Refused("no dict of tensors")
    return tensors


# -- what this project trains ---------------------------------------------------------------------


def _own(path: Path) -> Checkpoint:
    config, tensors = _safetensors(path)
    generator = fit(lambda: stylegan2.Generator(config), without_noise(config) | tensors)
    return Checkpoint(generator, None, f"this project's, {_described(generator)}", "eyes")


def _own_encoder(path: Path) -> PyramidEncoder:
    config, tensors = _safetensors(path)
    return fit(lambda: _pyramid(config), tensors)


def _pyramid(config: stylegan2.StyleGAN2Config) -> PyramidEncoder:
    """As wide as its generator (``training.paper``)."""
    widest = max(config.channels)
    return PyramidEncoder(config.num_ws, config.w_dim, config.resolution, widest=widest)


def _safetensors(path: Path) -> tuple[stylegan2.StyleGAN2Config, dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            config = json.loads((file.metadata() or {})["config"])
            tensors = {k: file.get_tensor(k).float() for k in file.keys()}  # noqa: SIM118
        config["channels"] = tuple(config["channels"])
        return stylegan2.StyleGAN2Config(**config), tensors
    except (OSError, SafetensorError, LookupError, TypeError, ValueError) as error:
        raise Refused("no network with its configuration") from error
