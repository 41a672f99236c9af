"""Generator, encoder and adversary in training, as one: an autoencoder in W+ that draws faces.

Karras et al. (CVPR 2020): non-saturating loss, R1 every 16 steps. Tov et al., "Designing an Encoder
for StyleGAN Image Manipulation" (SIGGRAPH 2021): rows of W+ are kept near each other and near the
mean.
"""

from __future__ import annotations

import copy
import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.output import written_whole
from export.generator.stylegan2 import StyleGAN2Config
from training.paper.crops import Crops
from training.paper.discriminator import augmented, r1_penalty
from training.paper.pretrained import Pretrained, as_input, as_pictures
from training.paper.reconstruction import Losses, attention, reconstruction

__all__ = ["CLIPS", "HELD", "RATES", "Pictures", "Trainer"]

CLIPS = 0.55  # share of the clips' frames among what is drawn; the rest are faces
RATES = (2e-3, 6e-4)  # peak learning rates of generator (equalised) and encoder
_R1_EVERY, _R1 = 16, 1.0
_WARM_UP = 25  # steps
HELD = 2  # held-out clips on the sheet
_MEMORY = 0.997  # of the running average, a step
_BEGIN, _RAMP = 0.15, 0.15  # shares of the time: when the adversary comes in, and how slowly


class Pictures:
    """All crops on the device, drawn by the shares of clips and faces, half of them mirrored
    where ``mirror`` says so."""

    def __init__(
        self, crops: Crops, device: torch.device, clips: float = CLIPS, mirror: bool = True
    ) -> None:
        self.mirror = mirror
        pictures, owner = crops.generator_pictures()
        self.pictures = torch.from_numpy(pictures).to(device)
        counts = {"clips": (owner >= 0).sum(), "faces": (owner < 0).sum()}
        shares = {"clips": clips, "faces": 1 - clips}
        known = {k: shares[k] for k, n in counts.items() if n}
        weight = np.where(owner >= 0, known.get("clips", 0), known.get("faces", 0)).astype(float)
        for kind, chosen in (("clips", owner >= 0), ("faces", owner < 0)):
            weight[chosen] /= max(int(counts[kind]), 1)
        self.weight = torch.from_numpy(weight)

    def batch(self, size: int) -> Tensor:
        """``[size, 3, N, N]``, -1 to 1."""
        chosen = torch.multinomial(self.weight, size, replacement=True)
        x = as_input(self.pictures[chosen.to(self.pictures.device)])
        if not self.mirror:
            return x
        flipped = torch.rand(size, device=x.device)[:, None, None, None] < 0.5
        return torch.where(flipped, x.flip(3), x)


class Trainer:
    """Networks, their running averages and optimisers; everything that a checkpoint holds."""

    def __init__(
        self,
        config: StyleGAN2Config,
        device: torch.device,
        losses: Losses,
        half: bool,
        rates: tuple[float, float] = RATES,
    ) -> None:
        self.nets = Pretrained.new(config)
        # On a CPU the backward pass is faster with channels first.
        layout = torch.channels_last if device.type == "cuda" else torch.contiguous_format
        for module in self.nets.modules():
            module.to(device, memory_format=layout)
        self.average = Pretrained(
            copy.deepcopy(self.nets.generator),
            copy.deepcopy(self.nets.encoder),
            self.nets.discriminator,
        )
        self.losses, self.device, self.half = losses, device, half
        generator, encoder, discriminator = self.nets.modules()
        self.optimisers = (
            torch.optim.Adam(
                [
                    {"params": generator.parameters(), "peak": rates[0]},
                    {"params": encoder.parameters(), "peak": rates[1]},
                ],
                betas=(0.5, 0.99),
            ),
            torch.optim.Adam(
                [{"params": discriminator.parameters(), "peak": 1.5e-3}], betas=(0.0, 0.99)
            ),
        )
        self.weight = attention(config.resolution, losses.mouth).to(device)
        self.step, self.spent = 0, 0.0

    def train_step(self, pictures: Pictures, batch: int, done: float) -> dict[str, Tensor]:
        """One step of both sides. done: share of the time, which sets the rates."""
        warm = min(1.0, (self.step + 1) / _WARM_UP)
        rate = warm * (1.0 if done < 0.6 else 0.03 + 0.97 * math.cos((done - 0.6) * math.pi / 0.8))
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate * group["peak"]
        alone = not self.losses.adversary
        strength = 0.0 if alone else min(1.0, max(0.0, (done - _BEGIN) / _RAMP))
        real = pictures.batch(batch)
        parts, drawn = self._generator_step(real, strength)
        if not alone and done >= _BEGIN * 0.5:
            parts |= self._discriminator_step(pictures.batch(len(drawn)), drawn)
        self.step += 1
        self._remember()
        return {name: part.detach() for name, part in parts.items()}

    def _generator_step(self, real: Tensor, strength: float) -> tuple[dict[str, Tensor], Tensor]:
        _generator, encoder, discriminator = self.nets.modules()
        config, weights = self.nets.generator.config, self.losses
        discriminator.requires_grad_(False)
        count = max(len(real) // 2, 1) if weights.adversary else 0
        z = torch.randn(count, config.z_dim, device=self.device)
        w = self.nets.generator.mapping(z)
        random = w[:, None].expand(-1, config.num_ws, -1)
        with self._autocast():
            ws = encoder(real).float()
            drawn = self.nets.draw(torch.cat([ws, random])).float()
            logits = discriminator(augmented(drawn)).float() if strength else drawn.new_zeros(1)
        pixels, edges = reconstruction(drawn[: len(real)], real, self.weight)
        away = (ws - encoder.w_avg).square().mean()
        apart = (ws - ws.mean(1, keepdim=True)).square().mean()
        loss = weights.pixels * pixels + weights.edges * edges
        loss = loss + weights.mean * away + weights.rows * apart
        parts = {"pixels": pixels, "edges": edges, "away": away, "apart": apart}
        if strength:
            fooled = functional.softplus(-logits)
            parts |= {"fooled": fooled[: len(real)].mean(), "fooled z": fooled[len(real) :].mean()}
            loss = loss + strength * (
                weights.adversary * parts["fooled"] + weights.random * parts["fooled z"]
            )
        self._apply(self.optimisers[0], loss)
        with torch.no_grad():
            if count:
                self.nets.generator.mapping.w_avg.lerp_(w.mean(0), 0.02)
            encoder.w_avg.copy_(self.nets.generator.mapping.w_avg)
        return parts, drawn.detach()

    def _discriminator_step(self, real: Tensor, drawn: Tensor) -> dict[str, Tensor]:
        discriminator = self.nets.discriminator.requires_grad_(True)
        with self._autocast():
            seen = augmented(torch.cat([drawn, real]))
            fake = discriminator(seen[: len(drawn)]).float()
            true = discriminator(seen[len(drawn) :]).float()
        told = functional.softplus(fake).mean() + functional.softplus(-true).mean()
        parts, loss = {"told": told}, told
        if self.step % _R1_EVERY == 0:
            parts["r1"] = r1_penalty(discriminator, augmented(real))
            loss = loss + _R1 * _R1_EVERY * parts["r1"]
        self._apply(self.optimisers[1], loss)
        return parts

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)

    @staticmethod
    def _apply(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for group in optimiser.param_groups:
            nn.utils.clip_grad_norm_(group["params"], 10.0)
        optimiser.step()

    @torch.no_grad()
    def _remember(self) -> None:
        part = 1 - min(_MEMORY, self.step / (self.step + 20))
        pairs = zip(self.average.modules()[:2], self.nets.modules()[:2], strict=True)
        for mean, now in pairs:
            torch._foreach_lerp_(list(mean.parameters()), list(now.parameters()), part)
            for kept, buffer in zip(mean.buffers(), now.buffers(), strict=True):
                kept.copy_(buffer)

    @torch.no_grad()
    def picture(self, faces: Tensor) -> tuple[NDArray[np.uint8], float]:
        """Rows of faces, their reconstructions and random faces, RGB; PSNR of held-out ones, dB.

        faces: those of :func:`_shown`, uint8 ``[n, N, N, 3]``.
        """
        real = as_input(faces.to(self.device))
        again = self.average.draw(self.average.encoder(real))
        z = torch.randn(len(faces), self.nets.generator.config.z_dim, generator=_seeded(1))
        mapping = self.average.generator.mapping
        ws = mapping.broadcast(z.to(self.device), self.nets.generator.synthesis.num_ws, 0.8)
        rows = [as_pictures(x).cpu().numpy() for x in (real, again, self.average.draw(ws))]
        error = np.mean((rows[0].astype(float) - rows[1]) ** 2, (1, 2, 3))
        held = error[1 : 1 + HELD]
        psnr = float(np.mean(10 * np.log10(255**2 / np.maximum(held, 1e-6))))
        return np.vstack([np.hstack(list(row)) for row in rows]), psnr

    def save(self, path: Path) -> None:
        """Everything that going on needs."""
        state = {
            "nets": [m.state_dict() for m in self.nets.modules()],
            "average": [m.state_dict() for m in self.average.modules()[:2]],
            "optimisers": [o.state_dict() for o in self.optimisers],
            "step": self.step,
            "spent": self.spent,
        }
        with written_whole(path) as partial:
            torch.save(state, partial)

    def begin_with(self, nets: Pretrained) -> None:
        """Take over weights, for training and as running averages."""
        for target in (self.nets, self.average):
            for module, given in zip(target.modules(), nets.modules(), strict=True):
                module.load_state_dict(given.state_dict())

    def load(self, path: Path) -> None:
        """Go on where :meth:`save` was."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        for module, tensors in zip(self.nets.modules(), state["nets"], strict=True):
            module.load_state_dict(tensors)
        for module, tensors in zip(self.average.modules(), state["average"], strict=False):
            module.load_state_dict(tensors)
        for optimiser, tensors in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(tensors)
        self.step, self.spent = state["step"], state["spent"]


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
