"""All vectors of ``../shared/data/stylegan_vectors``, or others by the same rule, as a table.

    python -m tests.check_vectors --folder FOLDER --prefix TEXT --case sg2

Takes some minutes on a CPU: the suite checks the small ones. Exits with 1 where anything differs by
more than the tolerance that the folder's README suggests.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from export.generator import stylegan2, stylegan3
from export.generator.ir_se import StyleEncoder
from export.generator.rosinality import from_rosinality
from tests import vectors
from tests.networks import filled, inputs, off

W, IMAGE_2, IMAGE_3, CODES = 3e-5, 2e-4, 1e-5, 5e-4
TWO = {
    "sg2_64": stylegan2.StyleGAN2Config.published(64, 2048, 64, z_dim=64, w_dim=64),
    "sg2_256": replace(stylegan2.StyleGAN2Config.published(256, 16384), conv_clamp=256.0),
}
THREE = {
    "sg3t_64": stylegan3.StyleGAN3Config(64, False, 64, 64, channel_base=2048, channel_max=64),
    "sg3r_64": stylegan3.StyleGAN3Config(64, True, 64, 64, channel_base=4096, channel_max=128),
    "sg3t_256": stylegan3.StyleGAN3Config(256, channel_base=16384),
}
ROSINALITY = {"rosinality_64": 64, "rosinality_256": 512}

Row = tuple[str, str, float, float]


def generator_rows(
    case: str, folder: Path, prefix: str, network: stylegan2.Generator | stylegan3.Generator
) -> Iterator[Row]:
    """Case, output, greatest difference and tolerance of each recorded output."""
    recorded = np.load(folder / f"{case}.npz")
    tolerance = IMAGE_3 if case.startswith("sg3") else IMAGE_2
    z, ws = inputs(network.config, prefix)
    mapping, synthesis = network.mapping, network.synthesis
    yield case, "w", off(mapping(z), recorded, "w"), W
    if "w_psi0.7" in recorded:
        yield case, "w_psi0.7", off(mapping(z, 0.7), recorded, "w_psi0.7"), W
        cut = mapping.broadcast(z, network.config.num_ws, 0.5, cutoff=5)[:, [0, 4, 5, -1]]
        yield case, "w_psi0.5_cut5", off(cut, recorded, "w_psi0.5_cut5"), W
    yield case, "image_z", off(network(z), recorded, "image_z"), tolerance
    yield case, "image_z_psi0.7", off(network(z, 0.7), recorded, "image_z_psi0.7"), tolerance
    yield case, "image_ws", off(synthesis(ws), recorded, "image_ws"), tolerance
    slow = synthesis(ws, reference=True)
    yield case, "image_ws, slow form", off(slow, recorded, "image_ws"), tolerance
    if "transform" in recorded:
        synthesis.input.transform.copy_(torch.from_numpy(recorded["transform"]))
        moved = off(synthesis(ws), recorded, "image_ws_transform")
        yield case, "image_ws_transform", moved, tolerance
    yield case, "image_ws, frozen", _frozen(network, ws, recorded), tolerance


def _frozen(
    network: stylegan2.Generator | stylegan3.Generator,
    ws: torch.Tensor,
    recorded: dict[str, object],
) -> float:
    name = "image_ws_transform" if "transform" in recorded else "image_ws"
    return off(network.synthesis.freeze()(ws), recorded, name)  # type: ignore[arg-type]


def rows(folder: Path, prefix: str, only: str = "") -> Iterator[Row]:
    """Of every case that the folder has, or of those whose name begins with ``only``."""

    def wanted(case: str) -> bool:
        return case.startswith(only) and (folder / f"{case}.npz").is_file()

    for case, config in TWO.items():
        if wanted(case):
            yield from generator_rows(
                case, folder, prefix, filled(stylegan2.Generator(config), prefix)
            )
    for case, shape in THREE.items():
        if wanted(case):
            yield from generator_rows(
                case, folder, prefix, filled(stylegan3.Generator(shape), prefix)
            )
    for case, w_dim in ROSINALITY.items():
        if wanted(case):
            keys = vectors.read_keys(folder / "keys" / f"{case}.txt")
            tensors = {k: torch.from_numpy(v) for k, v in vectors.fill(keys, prefix).items()}
            average = torch.from_numpy(vectors.filled("latent_avg", (w_dim,), prefix))
            network = from_rosinality(tensors, average)
            yield from generator_rows(case, folder, prefix, network)
    if wanted("encoder"):
        recorded = np.load(folder / "encoder.npz")
        encoder = filled(StyleEncoder(18), prefix, inside="encoder.")
        picture = torch.from_numpy(vectors.encoder_image(prefix))
        for deltas, name in ((False, "codes_psp"), (True, "codes_e4e")):
            encoder.deltas = deltas
            yield "encoder", name, off(encoder(picture), recorded, name), CODES


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("../shared/data/stylegan_vectors"))
    parser.add_argument("--prefix", default="", help="before every name, as the vectors were made")
    parser.add_argument("--case", default="", help="how the cases to check begin; all without it")
    asked = parser.parse_args()
    wrong = 0
    with torch.no_grad():
        for case, name, difference, tolerance in rows(asked.folder, asked.prefix, asked.case):
            wrong += not difference <= tolerance
            mark = "" if difference <= tolerance else "  <- differs"
            sys.stdout.write(f"{case:15}{name:22}{difference:9.1e} of {tolerance:.0e}{mark}\n")
            sys.stdout.flush()
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
