"""The speech model: log-mel columns in, controls of the mouth and the probability of voice out.

    column --normalise--> --convolve x 2--> --GRU x 2--> features --dense--> controls (sigmoid)
                                                                  --dense--> voice (sigmoid)
                                                                  --dense--> phone (training only)

Both convolutions look backwards only. The gated recurrent unit is that of Cho et al. (2014) in the
form of cuDNN: the reset gate acts after the recurrent product. The network answers
``look_ahead_hops`` columns late, which is not seen in it: it is trained against targets that are
that much older than the column.

Which phone is being said is asked in training only (multitask learning, Caruana 1997): three hours
of phones teach features that three minutes of one man's lips can not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.features import BANDS
from training.speech.articulators import CONTROL_INDEX, CONTROLS, articulate, spread_matrix
from training.speech.phones import ARPABET

__all__ = [
    "Answer",
    "SpeechNetwork",
    "SpeechNetworkConfig",
    "StreamingStep",
    "lean_to_closing",
]

# On training speech: from 70 to 94 % of bilabials closed, from 12 to 30 % of t d k g s at some hop;
# the correlation of s1's gap falls from .87 to .80.
CLOSING_LOGIT, CLOSING_FIRMNESS = 1.4, 1.6


@dataclass(frozen=True)
class SpeechNetworkConfig:
    """units: width of all layers; look_ahead_hops: how late the network answers.

    reach: columns that a convolution sees, the present one included.
    """

    units: int = 256
    layers: int = 2
    look_ahead_hops: int = 4
    reach: int = 5


@dataclass(frozen=True)
class Answer:
    """controls ``[B, T, 16]`` in 0..1; voice ``[B, T]`` and phones ``[B, T, 40]``, both logits."""

    controls: Tensor
    voice: Tensor
    phones: Tensor


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
        units, reach = config.units, config.reach
        self.register_buffer("mean", torch.zeros(BANDS))
        self.register_buffer("deviation", torch.ones(BANDS))
        self.enter = nn.Linear(reach * BANDS, units)
        self.refine = nn.Linear(reach * units, units)
        self.recurrent = nn.GRU(units, units, config.layers, batch_first=True)
        self.control = nn.Linear(units, len(CONTROLS))
        self.voice = nn.Linear(units, 1)
        self.phone = nn.Linear(units, len(ARPABET))
        nn.init.constant_(self.control.bias, -3.0)  # a mouth nearly at rest to start from

    def forward(self, columns: Tensor) -> Answer:
        """Columns ``[B, T, 80]``."""
        features = self.features(columns)
        return Answer(
            torch.sigmoid(self.control(features).float()),
            self.voice(features)[..., 0].float(),
            self.phone(features).float(),
        )

    def features(self, columns: Tensor) -> Tensor:
        """What all heads see: columns ``[B, T, 80]`` to ``[B, T, units]``."""
        x = (columns - self.mean) / self.deviation
        x = torch.relu(self.enter(_history(x, self.config.reach)))
        x = x + torch.relu(self.refine(_history(x, self.config.reach)))
        features: Tensor = self.recurrent(x)[0]
        return features


@torch.no_grad()
def lean_to_closing(
    network: SpeechNetwork, logit: float = CLOSING_LOGIT, firmness: float = CLOSING_FIRMNESS
) -> None:
    """Close the lips where the network is in doubt, and firmly; in place, once, after training.

    40 ms after its onset a /p/ can not be told from a /t/ for certain, and a squared error settles
    the doubt by lips half closed: right for neither. The closure's logit is raised by ``logit`` and
    then multiplied by ``firmness``.
    """
    row = CONTROL_INDEX["closure"]
    network.control.bias[row] = firmness * (network.control.bias[row] + logit)
    network.control.weight[row] *= firmness


class StreamingStep(nn.Module):
    """One column through the same weights, state in and state out: the form that is exported.

    The state is one row: the columns that the first convolution still sees, those of the second,
    and the memory of each recurrent layer. The cell is written out in dense layers: TensorRT splits
    the fused GRU operator into many small kernels, plain products fuse (facts of the GPU path), and
    on a CPU both take as long.

    amplitude: by how much all coefficients are multiplied, 1 for what the network says.
    """

    def __init__(self, network: SpeechNetwork, amplitude: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.amplitude = amplitude
        self.register_buffer("spread", torch.from_numpy(spread_matrix()))
        units, past = network.config.units, network.config.reach - 1
        self._sizes = [past * BANDS, past * units, *[units] * network.config.layers]

    @property
    def state_size(self) -> int:
        """Numbers in the state."""
        return sum(self._sizes)

    def forward(self, column: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Column ``[1, 80]`` and hidden ``[1, state_size]``, both of the stream's hop n.

        Gives coefficients ``[1, 52]``, probability of voice ``[1, 1]``, hidden of hop n + 1.
        A state of zeros is a stream that begins with columns of the mean.
        """
        net = self.network
        heard, entered, *memories = hidden.split(self._sizes, dim=-1)
        heard = torch.cat([heard, (column - net.mean) / net.deviation], dim=-1)
        x = torch.relu(net.enter(heard))  # [1, units]
        entered = torch.cat([entered, x], dim=-1)
        x = x + torch.relu(net.refine(entered))
        after = [heard[:, BANDS:], entered[:, net.config.units :]]
        for layer, memory in enumerate(memories):
            x = self._cell(layer, x, memory)
            after.append(x)
        controls = torch.sigmoid(net.control(x))
        coefficients = (self.amplitude * articulate(controls) @ self.spread).clamp(max=1.0)
        return coefficients, torch.sigmoid(net.voice(x)), torch.cat(after, dim=-1)

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


def _history(x: Tensor, reach: int) -> Tensor:
    """``[B, T, C]`` -> ``[B, T, reach C]``: each row after the ones before it, zeros at first."""
    padded = nn.functional.pad(x, (0, 0, reach - 1, 0))
    return padded.unfold(1, reach, 1).transpose(2, 3).flatten(2)
