"""What stage 1 learns from: clips as sound, motion, and codes of a frozen generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.paper.crops import ClipCrops
from training.paper.lite import LiteSpace
from training.paper.pretrained import Pretrained

__all__ = ["FRAMES", "Known", "Material", "Space"]

Space = Pretrained | LiteSpace
FRAMES = 25  # of a window


@dataclass(frozen=True)
class Known:
    """One clip on the device. codes: ``[T, num_ws, w_dim]``, w_t. pivot: w_I of its rest frame.
    who: ``[T]``, the number of its person in a :class:`LiteSpace`."""

    key: str
    sound: Tensor
    motion: Tensor
    codes: Tensor
    pivot: Tensor
    who: Tensor

    @property
    def speaker(self) -> str:
        """Who says it."""
        return self.key.rpartition("_")[0]


class Material:
    """Clips as the networks want them, drawn as windows of ``FRAMES``."""

    def __init__(self, clips: list[ClipCrops], space: Space | None, device: torch.device) -> None:
        self.clips: list[Known] = []
        for clip in clips:
            if space is None:
                codes = torch.zeros(len(clip.pictures), 1, 1, device=device)
                pivot = codes[0]
            else:
                codes, pivot = space.codes_of(clip, clip.motion)
            who = space.keys.index(clip.key) if isinstance(space, LiteSpace) else 0
            self.clips.append(
                Known(
                    clip.key,
                    torch.from_numpy(clip.sound).to(device),
                    torch.from_numpy(clip.motion).to(device),
                    codes,
                    pivot,
                    torch.full((len(codes),), who, device=device),
                )
            )

    def of(self, speakers: set[str]) -> Material:
        """The clips of some speakers; all where they have none here."""
        chosen = Material([], None, torch.device("cpu"))
        chosen.clips = [c for c in self.clips if c.speaker in speakers] or self.clips
        return chosen

    def windows(self, count: int, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """sound, motion, codes, who ``[count, FRAMES, ...]`` and pivots ``[count, ...]``."""
        drawn = []
        long = [c for c in self.clips if len(c.codes) >= FRAMES]
        for i in rng.integers(0, len(long), count):
            clip = long[i]
            start = int(rng.integers(0, len(clip.codes) - FRAMES + 1))
            part = slice(start, start + FRAMES)
            drawn.append(
                (clip.sound[part], clip.motion[part], clip.codes[part], clip.who[part], clip.pivot)
            )
        return tuple(torch.stack(parts) for parts in zip(*drawn, strict=True))
