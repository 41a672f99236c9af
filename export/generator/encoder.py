"""The encoder E: a canvas picture and its landmarks -> the pivot w_I in W+.

A plain strided network in the place of the pixel2style2pixel encoder (Richardson et al., CVPR
2021): the lite generator needs to know where things are in a face, not how they look, for the photo
itself supplies the looks. Where they are, the landmarks say, which the puppet has found already and
which a blurred, small or tinted photo changes little; the picture says what is in between.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["LANDMARKS", "Encoder"]

LANDMARKS = 468
# Canvas widths, of the order in which people differ: brings landmarks to the scale of the rest.
_SPREAD = 0.03


class Encoder(nn.Module):
    """``[B, 3, 128, 128]`` RGB 0 to 1 and ``[B, 468, 2]`` canvas units at rest
    -> ``[B, num_ws, w_dim]``.

    mean: ``[468, 2]``, the landmarks of the average face that it was trained on.
    """

    def __init__(
        self, num_ws: int, w_dim: int, channels: tuple[int, ...] = (24, 48, 80, 128, 128)
    ) -> None:
        super().__init__()
        self.num_ws, self.w_dim = num_ws, w_dim
        layers: list[nn.Module] = []
        for c_in, c_out in zip((3, *channels), channels, strict=False):
            layers += [
                nn.Conv2d(c_in, c_out, 3, stride=2, padding=1),
                nn.GroupNorm(8, c_out),
                nn.LeakyReLU(0.2),
            ]
        self.features = nn.Sequential(*layers)
        self.code = nn.Sequential(nn.Linear(channels[-1] * 16, 256), nn.LeakyReLU(0.2))
        self.mean: Tensor
        self.register_buffer("mean", torch.zeros(LANDMARKS, 2))
        self.shape = nn.Sequential(
            nn.Linear(2 * LANDMARKS, 256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, 256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, 256),
        )
        self.rows = nn.Linear(256, num_ws * w_dim)

    def forward(self, picture: Tensor, landmarks: Tensor) -> Tensor:
        """The pivot of each picture."""
        seen = self.code(self.features(picture * 2 - 1).flatten(1))
        placed = self.shape(((landmarks - self.mean) / _SPREAD).flatten(1))
        return self.rows(seen + placed).unflatten(1, (self.num_ws, self.w_dim))
