"""The speech model: log-mel columns in, controls of the mouth and the probability of voice out.

    column --normalise--> --dense--> --GRU x 2--> hidden --dense--> controls (sigmoid)
                                                         --dense--> voice (sigmoid)

The gated recurrent unit is that of Cho et al. (2014) in the form of cuDNN: the reset gate acts
after the recurrent product. It answers ``look_ahead_hops`` columns late, which is not seen in the
network: it is trained against targets that are that much older than the column.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.features import BANDS
from training.speech.articulators import CONTROL_INDEX, CONTROLS, articulate, spread_matrix

__all__ = [
    "CLOSING_LOGIT",
    "SpeechNetwork",
    "SpeechNetworkConfig",
    "StreamingStep",
    "lean_to_closing",
]

# On training speech: from 77 to 90 % of bilabials closed, from 20 to 35 % of t d k g s at some hop.
CLOSING_LOGIT = 1.2


@dataclass(frozen=True)
class SpeechNetworkConfig:
    """units: width of the recurrent layers; look_ahead_hops: how late the network answers."""

    units: int = 256
    layers: int = 2
    look_ahead_hops: int = 4


class SpeechNetwork(nn.Module):
    """The network over whole sequences, for training.

    ``mean`` and ``deviation`` ``[80]`` normalise the columns; they are set from the training data
    and travel with the weights.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: SpeechNetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(BANDS))
        self.register_buffer("deviation", torch.ones(BANDS))
        self.enter = nn.Linear(BANDS, config.units)
        self.recurrent = nn.GRU(config.units, config.units, config.layers, batch_first=True)
        self.control = nn.Linear(config.units, len(CONTROLS))
        self.voice = nn.Linear(config.units, 1)
        nn.init.constant_(self.control.bias, -3.0)  # a mouth nearly at rest to start from

    def forward(self, columns: Tensor) -> tuple[Tensor, Tensor]:
        """``[B, T, 80]`` -> controls ``[B, T, 16]`` in 0..1, logits of voice ``[B, T]``."""
        x = torch.relu(self.enter((columns - self.mean) / self.deviation))  # [B, T, units]
        hidden, _ = self.recurrent(x)  # [B, T, units]
        return torch.sigmoid(self.control(hidden)), self.voice(hidden)[..., 0]


@torch.no_grad()
def lean_to_closing(network: SpeechNetwork, logit: float = CLOSING_LOGIT) -> None:
    """Close the lips where the network is in doubt; in place, once, after training.

    40 ms after its onset a /p/ can not be told from a /t/ for certain, and a squared error settles
    the doubt by lips half closed: right for neither.
    """
    network.control.bias[CONTROL_INDEX["closure"]] += logit


class StreamingStep(nn.Module):
    """One column through the same weights, state in and state out: the form that is exported.

    The cell is written out in dense layers: TensorRT splits the fused GRU operator into many
    small kernels, plain products fuse (facts of the GPU path), and on a CPU both take as long.
    """

    def __init__(self, network: SpeechNetwork) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("spread", torch.from_numpy(spread_matrix()))

    def forward(self, column: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Column ``[1, 80]`` and hidden ``[layers, 1, units]``, both of the stream's hop n.

        Gives coefficients ``[1, 52]``, probability of voice ``[1, 1]``, hidden of hop n + 1.
        """
        net = self.network
        x = torch.relu(net.enter((column - net.mean) / net.deviation))  # [1, units]
        after = []
        for layer in range(net.config.layers):
            x = self._cell(layer, x, hidden[layer])
            after.append(x)
        coefficients = articulate(torch.sigmoid(net.control(x))) @ self.spread
        return coefficients, torch.sigmoid(net.voice(x)), torch.stack(after)

    def _cell(self, layer: int, x: Tensor, h: Tensor) -> Tensor:
        """r, z and n are the paper's reset gate, update gate and candidate."""
        weights = self.network.recurrent
        w_i, w_h = getattr(weights, f"weight_ih_l{layer}"), getattr(weights, f"weight_hh_l{layer}")
        b_i, b_h = getattr(weights, f"bias_ih_l{layer}"), getattr(weights, f"bias_hh_l{layer}")
        i_r, i_z, i_n = nn.functional.linear(x, w_i, b_i).chunk(3, dim=-1)
        h_r, h_z, h_n = nn.functional.linear(h, w_h, b_h).chunk(3, dim=-1)
        r, z = torch.sigmoid(i_r + h_r), torch.sigmoid(i_z + h_z)
        n = torch.tanh(i_n + r * h_n)
        return (1 - z) * n + z * h
