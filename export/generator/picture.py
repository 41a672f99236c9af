"""A user's generator as it is exported: motion in, picture out.

The pivot and the basis of displacements are constants of one person, so every affine layer of the
synthesis network can be merged with them: ``A (w_I + V^-1 r) + b`` is ``(A V^-1) r + (A w_I + b)``.
What is left of W+ in the graph are the few numbers ``r`` of the reduced basis.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from engine.face import PICTURE
from engine.motion import ARKIT
from export.displacement import DisplacementDecoder
from export.generator.modulation import FullyConnected
from export.to_onnx import to_onnx

__all__ = ["PictureGenerator", "picture_onnx", "rows_of"]

_HALF_FROM = 256  # weights of as many numbers are kept in half precision (export.to_onnx)


class PictureGenerator(nn.Module):
    """face ``[B, 52]`` -> RGB ``[B, 3, N, N]``, 0 to 1.

    synthesis: of StyleGAN2 or StyleGAN3; it is copied. w: ``[1, num_ws, w_dim]``, the pivot.
    """

    def __init__(self, synthesis: nn.Module, decoder: DisplacementDecoder, w: Tensor) -> None:
        super().__init__()
        rows = rows_of(synthesis)
        self.synthesis: Any = copy.deepcopy(synthesis).freeze()  # type: ignore[operator]
        self.decoder = copy.deepcopy(decoder).requires_grad_(False)
        self.num_ws = w.shape[1]
        basis = decoder.expand.weight.detach().unflatten(0, w.shape[1:])  # [num_ws, w_dim, K]
        for name, row in rows.items():
            affine = self.synthesis.get_submodule(name)
            self.synthesis.set_submodule(name, _merged(affine, w[:, row], basis[row]))
        self.pivot: Tensor
        self.register_buffer("pivot", decoder.reduce(w.flatten(1)).detach())

    def forward(self, face: Tensor) -> Tensor:
        """The picture."""
        moved = self.decoder.reduced(face, self.pivot.expand(len(face), -1))
        rgb = self.synthesis(moved[:, None].expand(-1, self.num_ws, -1))
        return (rgb * 0.5 + 0.5).clamp(0, 1)

    @torch.no_grad()
    def round_to_half(self) -> None:
        """Give weights the values that a file in half precision keeps of them."""
        for value in (*self.parameters(), *self.buffers()):
            if value.numel() >= _HALF_FROM and value.is_floating_point():
                value.copy_(value.half().float())


def picture_onnx(generator: PictureGenerator, kind: str) -> bytes:
    """``face.onnx``: face ``[1, 52]`` -> rgb ``[1, 3, N, N]``. kind: of the generator, in words."""
    metadata = {"format": "avatar-engine face 2", "family": kind, "coefficients": ",".join(ARKIT)}
    face = torch.zeros(1, len(ARKIT))
    return to_onnx(generator.eval(), (face,), ["face"], list(PICTURE), metadata)


def _merged(affine: FullyConnected, w: Tensor, basis: Tensor) -> nn.Linear:
    """w ``[1, w_dim]``, basis ``[w_dim, K]`` -> K to the affine layer's channels."""
    with torch.no_grad():
        merged = nn.Linear(basis.shape[1], len(affine.bias))
        merged.weight.copy_(affine.weight * affine.weight_gain @ basis)
        merged.bias.copy_(affine(w)[0])
    return merged.requires_grad_(False)


def rows_of(synthesis: nn.Module) -> dict[str, int]:
    """Name of each affine layer -> the row of W+ that it reads, found by letting it read."""
    found: dict[str, int] = {}
    affine = {n: m for n, m in synthesis.named_modules() if isinstance(m, FullyConnected)}
    hooks = [
        module.register_forward_pre_hook(
            lambda module, given, name=name: found.__setitem__(name, round(float(given[0][0, 0])))
        )
        for name, module in affine.items()
    ]
    first = next(iter(affine.values()))
    numbers = torch.arange(float(synthesis.num_ws), device=first.weight.device)  # type: ignore[arg-type]
    with torch.no_grad():
        synthesis(numbers[None, :, None].expand(1, -1, first.weight.shape[1]))
    for hook in hooks:
        hook.remove()
    return found
