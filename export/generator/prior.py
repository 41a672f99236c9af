"""The prior of the lite family: encoder E, displacement decoder D and generator G together."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.errors import ModelMismatch
from export.displacement import DisplacementDecoder
from export.generator.encoder import Encoder
from export.generator.lite import LiteConfig, LiteSynthesis

__all__ = ["POPULATION", "PRIOR_PATH", "FaceGenerator", "LitePrior"]

POPULATION = 16
PRIOR_PATH = Path(__file__).parents[1] / "resources" / "lite_prior.safetensors"


class LitePrior(nn.Module):
    """``w_I = E(picture, landmarks)``, ``w_t = w_I + D(m_t, w_I)``, fields ``G(w_t)`` relative to
    ``G(w_I)``.

    Flow and alpha are relative to the pivot's own: a face at rest is exactly its photo.

    population: ``[16, num_ws, w_dim]``, pivots of people that the prior was trained on; tuning to
    one person holds on to them.
    """

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LiteConfig()
        self.encoder = Encoder(config.num_ws, config.w_dim)
        self.displacement = DisplacementDecoder(config.num_ws, config.w_dim)
        self.synthesis = LiteSynthesis(config)
        self.population: Tensor
        self.register_buffer("population", torch.zeros(POPULATION, config.num_ws, config.w_dim))

    def fields(self, w: Tensor, face: Tensor, rest: Tensor) -> Tensor:
        """Fields of ``face [B, 52]`` for pivots ``w [B, num_ws, w_dim]``: ``[B, 8, N, N]``.

        rest: ``[B, 8, N, N]``, the fields at zero motion.
        """
        moved = self.synthesis(w + self.displacement(face, w))
        return relative(moved, self.synthesis(w), rest)

    @torch.no_grad()
    def pivot(self, picture: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> Tensor:
        """``w_I [1, num_ws, w_dim]`` of one person.

        picture: ``[N, N, 3]`` uint8 RGB canvas. landmarks: ``[468, 2]`` at rest, canvas units
        (``Puppet.rest``).
        """
        photo = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
        points = torch.from_numpy(np.asarray(landmarks, np.float32))[None]
        return self.encoder(photo, points)

    @torch.no_grad()
    def round_to_half(self) -> None:
        """Give every weight the value that a file in half precision keeps of it.

        Done before what has to be exact is worked out from the weights, such as rest.
        """
        for parameter in self.parameters():
            parameter.copy_(parameter.half().float())

    def save(self, path: Path = PRIOR_PATH) -> None:
        """Write float16 safetensors with the configuration in the header."""
        from safetensors.torch import save_file

        tensors = {k: v.detach().half().cpu().contiguous() for k, v in self.state_dict().items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, path, {"config": json.dumps(asdict(self.config))})

    @staticmethod
    def load(path: Path = PRIOR_PATH) -> LitePrior:
        """The shipped prior in float32. Raises ModelMismatch for a file of another kind."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "pt") as file:
                config = json.loads((file.metadata() or {})["config"])
                tensors = {k: file.get_tensor(k).float() for k in file.keys()}  # noqa: SIM118
            config["channels"] = tuple(config["channels"])
            prior = LitePrior(LiteConfig(**config))
            prior.load_state_dict(tensors)
        except (OSError, SafetensorError, KeyError, TypeError, RuntimeError) as error:
            raise ModelMismatch(
                f"{path.name} is not a lite prior ({error}), expected the one that ships with "
                "export: install the package again, or train one with `make train-generator`"
            ) from error
        return prior.eval()


def relative(moved: Tensor, pivot: Tensor, rest: Tensor) -> Tensor:
    """Flow and alpha: rest plus what moved; colour: as it is. All ``[B, 8, N, N]``."""
    return torch.cat([rest[:, :3] + moved[:, :3] - pivot[:, :3], moved[:, 3:]], 1)


class FaceGenerator(nn.Module):
    """One identity's generator as it is exported: motion in, fields out, the pivot a constant.

    w: ``[1, num_ws, w_dim]``, the pivot. rest: ``[1, 8, N, N]``, fields at zero motion.
    jaw: ``[52, 2]``, where the lower teeth go, canvas widths a coefficient.
    """

    def __init__(self, prior: LitePrior, w: Tensor, rest: Tensor, jaw: Tensor) -> None:
        super().__init__()
        self.displacement = prior.displacement
        self.synthesis = prior.synthesis
        self.w: Tensor
        self.offset: Tensor
        self.jaw_basis: Tensor
        with torch.no_grad():
            offset = rest[:, :3] - prior.synthesis(w)[:, :3]
        self.register_buffer("w", w.detach())
        self.register_buffer("offset", offset.detach())
        self.register_buffer("jaw_basis", jaw)

    def forward(self, face: Tensor) -> tuple[Tensor, ...]:
        """face ``[B, 52]`` -> the fields of ``engine.face`` ``[B, n, N, N]``, jaw ``[B, 2]``."""
        w = self.w.expand(len(face), -1, -1)
        raw = self.synthesis(w + self.displacement(face, w))
        still = raw[:, :3] + self.offset
        painted = raw[:, 3:].clamp(0, 1).split([3, 1, 1], 1)
        return still[:, :2], still[:, 2:].clamp(0, 1), *painted, face @ self.jaw_basis
