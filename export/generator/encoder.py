"""The encoder E: a canvas picture -> its pivot w_I in W+.

A plain strided network in the place of the pixel2style2pixel encoder (Richardson et al., CVPR
2021): the lite generator needs to know where things are in a face, not how they look, for the photo
itself supplies the looks.
"""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["Encoder"]


class Encoder(nn.Module):
    """``[B, 3, 128, 128]`` RGB 0 to 1 -> ``[B, num_ws, w_dim]``."""

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
        self.rows = nn.Linear(256, num_ws * w_dim)

    def forward(self, picture: Tensor) -> Tensor:
        """The pivot of each picture."""
        x = self.features(picture * 2 - 1).flatten(1)
        return self.rows(self.code(x)).unflatten(1, (self.num_ws, self.w_dim))
