"""The losses of stage 1.

With x_t a frame, w_t = E_I(x_t) its code and w^_t what is said, the published ones are

    L_latent = sum_t || w_t - w^_t ||_2          L_lpips = sum_t || phi(G(w_t)) - phi(G(w^_t)) ||_2
"""

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor, nn

from engine.motion import ARKIT
from export.basis import LandmarkBasis
from export.perceptual import Features
from training.paper.material import Space
from training.speech.lips import LIPS

__all__ = ["Objective", "Without", "motion_loss"]


class Without(StrEnum):
    """A loss that is left out."""

    NOTHING = "nothing"
    LATENT = "latent"
    LPIPS = "lpips"


class Objective(nn.Module):
    """The published losses of a trajectory, as means over frames, and their weighted sum.

    drawn: of how many frames, chosen at random, L_lpips is taken; all where 0.
    """

    def __init__(
        self,
        space: Space,
        phi: Features,
        without: Without,
        weights: tuple[float, float],
        drawn: int = 0,
    ) -> None:
        super().__init__()
        self.drawn = drawn
        self.space, self.phi = space, phi
        self.latent = 0.0 if without is Without.LATENT else weights[0]
        self.lpips = 0.0 if without is Without.LPIPS else weights[1]

    def forward(
        self, said: Tensor, codes: Tensor, who: Tensor, half: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """said, codes: ``[N, num_ws, w_dim]``, w^_t and w_t. who: ``[N]``, whose they are."""
        latent = (said - codes).flatten(1).norm(dim=1).mean()
        parts, loss = {"latent": latent}, self.latent * latent
        if self.lpips:
            if self.drawn:
                chosen = torch.randperm(len(said), device=said.device)[: self.drawn]
                said, codes, who = said[chosen], codes[chosen], who[chosen]
            with torch.autocast(said.device.type, torch.bfloat16, enabled=half):
                drawn = self.phi(self.space.draw(said, who))
                with torch.no_grad():
                    wanted = self.phi(self.space.draw(codes, who))
            parts["lpips"] = (drawn - wanted).norm(dim=1).mean()
            loss = loss + self.lpips * parts["lpips"]
        return loss, parts


def motion_loss(said: Tensor, tracked: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Where the lips are (LipGeometry's ``[..., 40, 2]``, canthus distances), and coefficients."""
    shapes = torch.from_numpy(LandmarkBasis.load().expression[:, list(LIPS), :2]).to(said)
    lips = torch.einsum("...c,cln->...ln", said - tracked, shapes).norm(dim=-1).mean()
    single = (said - tracked).abs().mean()
    return lips + 0.3 * single, {"lips cm": lips, f"{len(ARKIT)} coefficients": single}
