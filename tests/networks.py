"""Networks with the weights of tests/vectors.py, and their outputs against recorded ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests import vectors

Network = TypeVar("Network", bound=nn.Module)
Recorded = Mapping[str, NDArray[Any]]


def filled(network: Network, prefix: str = "", *, inside: str = "") -> Network:
    """The network in evaluation mode, with weights by the rule. inside: where in its file it is."""
    shapes = [(inside + k, tuple(v.shape)) for k, v in network.state_dict().items()]
    tensors = vectors.fill(shapes, prefix)
    state = {k.removeprefix(inside): torch.from_numpy(v) for k, v in tensors.items()}
    kept = network.load_state_dict(state, strict=False)
    assert not kept.unexpected_keys
    return network.eval()


def inputs(config: Any, prefix: str = "") -> tuple[Tensor, Tensor]:
    """z ``[2, z_dim]`` and a W+ code ``[2, num_ws, w_dim]``."""
    z = vectors.latents("input.z", (2, config.z_dim), prefix)
    ws = vectors.latents("input.ws", (2, config.num_ws, config.w_dim), prefix)
    return torch.from_numpy(z), torch.from_numpy(ws)


def off(value: Tensor, recorded: Recorded, name: str) -> float:
    """Greatest difference from a recorded array, or from what was kept of a large image."""
    if name in recorded:
        return float(np.abs(value.numpy() - recorded[name]).max())
    means, crop = vectors.reduced(value.numpy())
    differences = means - recorded[f"{name}_mean32"], crop - recorded[f"{name}_crop32"]
    return float(max(np.abs(d).max() for d in differences))


def watched(network: nn.Module, inside: str = "") -> dict[str, Any]:
    """What every module gives from now on, by its name; filled as the network runs."""
    seen: dict[str, Any] = {}
    for name, module in network.named_modules():
        module.register_forward_hook(
            lambda module, given, out, name=name: seen.__setitem__(inside + name, out)
        )
    return seen


def wrong_rows(seen: Mapping[str, Any], recorded: Recorded) -> list[str]:
    """Names whose mean, deviation or first numbers are not what ``check_values`` has."""
    rows = zip(recorded["check_names"], recorded["check_values"], strict=True)
    return [
        str(name)
        for name, wanted in rows
        if np.abs(vectors.check_row(seen[name].numpy()) - wanted).max() > 1e-4 * max(1.0, wanted[1])
    ]
