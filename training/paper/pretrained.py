"""What the seed method takes as given: a generator G, the image encoder E_I, features phi.

Here all three were trained by this project (``training.paper.generator``), and every table says so.
Files are float16 safetensors with the configuration in the header; tensors of G carry the names of
NVIDIA's release.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.errors import ModelMismatch
from export.generator.pyramid import PyramidEncoder
from export.generator.stylegan2 import Generator, StyleGAN2Config
from training.paper.crops import ClipCrops
from training.paper.discriminator import Discriminator

__all__ = ["FILES", "Pretrained"]

FILES = ("generator.safetensors", "encoder.safetensors", "discriminator.safetensors")


@dataclass(frozen=True)
class Pretrained:
    """generator, encoder, discriminator of one resolution; pictures are -1 to 1."""

    generator: Generator
    encoder: PyramidEncoder
    discriminator: Discriminator

    @staticmethod
    def new(config: StyleGAN2Config) -> Pretrained:
        """Untrained networks; the encoder is no wider than the generator."""
        widest = max(config.channels)
        encoder = PyramidEncoder(config.num_ws, config.w_dim, config.resolution, widest=widest)
        return Pretrained(Generator(config), encoder, Discriminator(config.channels))

    def modules(self) -> tuple[nn.Module, ...]:
        """In the order of ``FILES``."""
        return self.generator, self.encoder, self.discriminator

    def to(self, device: torch.device) -> Pretrained:
        """The same networks on a device, frozen, for use and not for training."""
        for module in self.modules():
            module.to(device).eval().requires_grad_(False)
        return self

    def draw(self, ws: Tensor, who: Tensor | None = None) -> Tensor:
        """G without noise, which would flicker: ``[B, 3, N, N]``. who: not used."""
        return self.generator.synthesis(ws, "none")

    @torch.no_grad()
    def codes(self, pictures: Tensor, batch: int = 64) -> Tensor:
        """E_I of uint8 pictures ``[T, N, N, 3]``: ``[T, num_ws, w_dim]`` float32."""
        device = self.encoder.w_avg.device
        found = [self.encoder(as_input(part.to(device))) for part in pictures.split(batch)]
        return torch.cat(found).float()

    def codes_of(self, clip: ClipCrops, motion: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """E_I of a clip's frames and of its identity frame; motion plays no part."""
        codes = self.codes(torch.from_numpy(clip.pictures))
        return codes, codes[clip.rest]

    def save(self, folder: Path) -> None:
        """Write ``FILES``."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        header = {"config": json.dumps(asdict(self.generator.config))}
        for name, module in zip(FILES, self.modules(), strict=True):
            tensors = {k: v.detach().half().cpu().contiguous() for k, v in _stored(module)}
            save_file(tensors, folder / name, header)

    @staticmethod
    def load(folder: Path) -> Pretrained:
        """Read ``FILES`` as float32. Raises ModelMismatch for files of another kind."""
        from safetensors import SafetensorError, safe_open

        name = FILES[0]
        try:
            networks: Pretrained | None = None
            for k, name in enumerate(FILES):
                with safe_open(folder / name, "pt") as file:
                    config = json.loads((file.metadata() or {})["config"])
                    tensors = {n: file.get_tensor(n).float() for n in file.keys()}  # noqa: SIM118
                config["channels"] = tuple(config["channels"])
                networks = networks or Pretrained.new(StyleGAN2Config(**config))
                missing = networks.modules()[k].load_state_dict(tensors, strict=False)
                if missing.unexpected_keys or any("noise" not in n for n in missing.missing_keys):
                    raise KeyError(str(missing))
        except (OSError, SafetensorError, KeyError, TypeError, RuntimeError) as error:
            raise ModelMismatch(
                f"{folder / name} can not be used ({error}), expected what "
                "training.paper.generator writes: run `make train-paper`"
            ) from error
        assert networks is not None
        return networks.to(torch.device("cpu"))


def as_input(pictures: Tensor) -> Tensor:
    """uint8 ``[B, N, N, 3]`` -> float32 ``[B, 3, N, N]``, black -1 and white 1."""
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1


def as_pictures(drawn: Tensor) -> Tensor:
    """What G draws -> uint8 ``[B, N, N, 3]``."""
    scaled = (drawn.float() * 127.5 + 127.5).round().clamp(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1)


def _stored(module: nn.Module) -> list[tuple[str, Tensor]]:
    """All tensors but noise, which is not used."""
    return [(k, v) for k, v in module.state_dict().items() if "noise_" not in k]
