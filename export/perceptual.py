"""phi: features in which pictures are compared, for inversion, tuning and stage 1.

The papers compare VGG features. Weights of VGG are not free to ship, so they are read from a file
of the user's; without one, phi are feature maps of an image encoder that this project trained, and
what was used is said everywhere (:attr:`Features.name`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import ModelMismatch
from export.generator.pyramid import PyramidEncoder

__all__ = ["EncoderFeatures", "Features", "VGG16Features"]

# VGG16 (Simonyan and Zisserman, ICLR 2015), configuration D: channels, "M" halves the size.
_VGG16 = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512)
# LPIPS (Zhang et al., CVPR 2018) compares relu1_2, relu2_2, relu3_3, relu4_3 and relu5_3.
_TAPS = frozenset((1, 3, 6, 9, 12))
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Features(nn.Module):
    """Maps of pictures ``[B, 3, N, N]`` in -1 to 1. name: which features these are."""

    name: str

    def maps(self, picture: Tensor) -> list[Tensor]:
        """``[B, C, H, W]`` each, from fine to coarse."""
        raise NotImplementedError

    def forward(self, picture: Tensor) -> Tensor:
        """phi: all maps as one vector ``[B, n]``.

        As in LPIPS every position's channels have length 1; every map weighs the same, whatever its
        size.
        """
        found = []
        for features in self.maps(picture):
            unit = functional.normalize(features.float(), dim=1)
            found.append(unit.flatten(1) / unit[0, 0].numel() ** 0.5)
        return torch.cat(found, 1)


class EncoderFeatures(Features):
    """Maps of a :class:`PyramidEncoder`'s trunk, all but the full size."""

    def __init__(self, encoder: PyramidEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.name = "this project's image encoder (training.paper.generator)"

    def maps(self, picture: Tensor) -> list[Tensor]:
        return self.encoder.maps(picture)[1:]


class VGG16Features(Features):
    """VGG16 from a file of torchvision's layout (``features.0.weight``, ...).

    Raises ModelMismatch for another file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList()
        self.pooled_before: list[bool] = []
        places, c_in, place, pool = [], 3, 0, False
        for part in _VGG16:
            if isinstance(part, str):
                pool, place = True, place + 1
                continue
            self.convolutions.append(nn.Conv2d(c_in, part, 3, padding=1))
            self.pooled_before.append(pool)
            places.append(place)
            c_in, place, pool = part, place + 2, False
        try:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
            for convolution, at in zip(self.convolutions, places, strict=True):
                convolution.load_state_dict(
                    {k: tensors[f"features.{at}.{k}"] for k in ("weight", "bias")}
                )
        except Exception as error:  # torch.load raises what the broken file makes it raise
            raise ModelMismatch(
                f"{path} is not VGG16 ({type(error).__name__}: {error}), expected torchvision's "
                "file with features.0.weight and so on: give another, or none"
            ) from error
        self.requires_grad_(False)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        self.name = f"VGG16 ({path.name}, sha256 {digest})"
        self.shift: Tensor
        self.scale: Tensor
        self.register_buffer("shift", torch.tensor(_MEAN)[:, None, None])
        self.register_buffer("scale", torch.tensor(_SPREAD)[:, None, None])

    def maps(self, picture: Tensor) -> list[Tensor]:
        x = ((picture + 1) / 2 - self.shift) / self.scale
        found = []
        for k, convolution in enumerate(self.convolutions):
            x = functional.max_pool2d(x, 2) if self.pooled_before[k] else x
            x = functional.relu(convolution(x))
            if k in _TAPS:
                found.append(x)
        return found
