"""Stage 1: from sound, or from motion, to displacements in the latent space of a frozen generator.

Alghamdi et al., "Talking Head from Speech Audio using a Pre-trained Image Generator" (ACM MM 2022):

    w_t = w_I + V^-1 D([E_A(a)_t, V w_I])

The audio encoder E_A is the convolutional network and LSTM of Chen et al. (CVPR 2019), V a
principal component analysis of the codes, D three dense layers. The split form, which the engine
has, puts motion between sound and displacement:
``w_t = w_I + V^-1 (D([m_t, V w_I]) - D([0, V w_I]))``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.motion import ARKIT

__all__ = ["AudioEncoder", "Basis", "PaperForm", "SpeechToMotion", "SplitForm", "principal_basis"]


class AudioEncoder(nn.Module):
    """MFCC windows ``[B, T, 28, 12]`` -> ``[B, T, 256]``: convolutions, then three layers of LSTM.

    width: share of the published widths of convolutions and first dense layer.
    """

    def __init__(self, width: float = 1.0, dropout: float = 0.0) -> None:
        super().__init__()
        c64, c128, c256, c512, dense = (round(width * c) for c in (64, 128, 256, 512, 2048))

        def conv(c_in: int, c_out: int) -> list[nn.Module]:
            return [
                nn.Conv2d(c_in, c_out, 3, padding=1, bias=False),
                nn.BatchNorm2d(c_out),
                nn.ReLU(),
            ]

        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("shift", torch.zeros(12))
        self.register_buffer("scale", torch.ones(12))
        self.convolutions = nn.Sequential(
            *conv(1, c64), *conv(c64, c128), nn.MaxPool2d(3, (1, 2)),
            *conv(c128, c256), *conv(c256, c256), *conv(c256, c512), nn.MaxPool2d(3, (2, 2)),
        )  # fmt: skip
        self.dense = nn.Sequential(
            nn.Flatten(), nn.Dropout(dropout), nn.Linear(c512 * 12 * 2, dense), nn.ReLU(),
            nn.Dropout(dropout), nn.Linear(dense, 256), nn.ReLU(),
        )  # fmt: skip
        self.lstm = nn.LSTM(256, 256, num_layers=3, batch_first=True, dropout=dropout)

    @torch.no_grad()
    def normalise_by(self, sound: Tensor) -> None:
        """Take mean and spread of each coefficient from windows ``[N, 28, 12]``."""
        self.shift.copy_(sound.mean((0, 1)))
        self.scale.copy_(1 / sound.std((0, 1)).clamp_min(1e-3))

    def forward(self, sound: Tensor) -> Tensor:
        """sound ``[B, T, 28, 12]``."""
        windows = ((sound - self.shift) * self.scale).flatten(0, 1)[:, None]
        heard = self.dense(self.convolutions(windows)).unflatten(0, sound.shape[:2])
        return self.lstm(heard)[0]


def _dense(c_in: int, hidden: int, c_out: int) -> nn.Sequential:
    """Three dense layers that begin by saying nothing."""
    layers = nn.Sequential(
        nn.Linear(c_in, hidden), nn.LeakyReLU(0.2),
        nn.Linear(hidden, hidden), nn.LeakyReLU(0.2),
        nn.Linear(hidden, c_out),
    )  # fmt: skip
    last = layers[-1]
    assert isinstance(last, nn.Linear)
    nn.init.normal_(last.weight, std=0.1 * hidden**-0.5)
    nn.init.zeros_(last.bias)
    return layers


class Basis(nn.Module):
    """V and V^-1: orthonormal rows ``[K, num_ws w_dim]`` around a mean ``[num_ws, w_dim]``.

    spread: ``[K]``, the codes' standard deviation along each row, in which D reads and writes.
    """

    def __init__(self, rows: Tensor, mean: Tensor, spread: Tensor) -> None:
        super().__init__()
        self.rows: Tensor
        self.mean: Tensor
        self.spread: Tensor
        self.register_buffer("rows", rows)
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)

    @property
    def size(self) -> int:
        """K."""
        return len(self.rows)

    def project(self, w: Tensor) -> Tensor:
        """V: ``[..., num_ws, w_dim]`` -> ``[..., K]``."""
        return (w - self.mean).flatten(-2) @ self.rows.T / self.spread

    def identity(self, pivot: Tensor, training: bool) -> Tensor:
        """V of pivots, in training with noise as large as the codes' own spread.

        A few dozen clips of one person have a pivot each, by which a decoder would tell them apart
        and learn each by heart.
        """
        who = self.project(pivot)
        return who + torch.randn_like(who) if training else who

    def expand(self, reduced: Tensor) -> Tensor:
        """V^-1: ``[..., K]`` -> displacements ``[..., num_ws, w_dim]``."""
        return (reduced * self.spread @ self.rows).unflatten(-1, self.mean.shape)


def principal_basis(codes: Tensor, size: int) -> tuple[Basis, float]:
    """The ``size`` first principal components of codes ``[N, num_ws, w_dim]``, and the share of
    their variance that these hold."""
    mean = codes.mean(0)
    centred = (codes - mean).flatten(1).double()
    _, sizes, rows = torch.linalg.svd(centred, full_matrices=False)
    energy = sizes.square()
    size = min(size, len(rows))
    spread = (sizes[:size] / len(codes) ** 0.5).clamp_min(1e-4)
    held = float(energy[:size].sum() / energy.sum())
    return Basis(rows[:size].float(), mean, spread.float()), held


class PaperForm(nn.Module):
    """Sound and identity -> displacements in the basis, as published."""

    def __init__(self, basis: Basis, width: float = 1.0, dropout: float = 0.0) -> None:
        super().__init__()
        self.basis = basis
        self.audio = AudioEncoder(width, dropout)
        self.decoder = _dense(256 + basis.size, 256, basis.size)

    def forward(self, sound: Tensor, pivot: Tensor) -> Tensor:
        """sound ``[B, T, 28, 12]``, pivot ``[B, num_ws, w_dim]`` -> ``[B, T, K]``."""
        heard = self.audio(sound)
        who = self.basis.identity(pivot, self.training)[:, None].expand(-1, heard.shape[1], -1)
        return self.decoder(torch.cat([heard, who], -1))


class SplitForm(nn.Module):
    """Motion and identity -> displacements in the basis; none at rest."""

    def __init__(self, basis: Basis) -> None:
        super().__init__()
        self.basis = basis
        self.decoder = _dense(len(ARKIT) + basis.size, 256, basis.size)

    def forward(self, motion: Tensor, pivot: Tensor) -> Tensor:
        """motion ``[B, T, 52]``, pivot ``[B, num_ws, w_dim]`` -> ``[B, T, K]``."""
        who = self.basis.identity(pivot, self.training)[:, None].expand(-1, motion.shape[1], -1)
        moved = self.decoder(torch.cat([motion * 2, who], -1))
        return moved - self.decoder(torch.cat([torch.zeros_like(motion), who], -1))


class SpeechToMotion(nn.Module):
    """The first half of the split form on the same data and with the same ears as the paper's."""

    def __init__(self, width: float = 1.0, dropout: float = 0.0) -> None:
        super().__init__()
        self.audio = AudioEncoder(width, dropout)
        self.decoder = _dense(256, 256, len(ARKIT))

    def forward(self, sound: Tensor) -> Tensor:
        """sound ``[B, T, 28, 12]`` -> motion ``[B, T, 52]``, 0 to 1."""
        return functional.softplus(self.decoder(self.audio(sound)) * 2 - 4).clamp(max=1.0)
