"""Whether the GPU gives the picture that the CPU gives: 50 frames in closed loop.

Sound goes in as spectra; each side feeds its own memory back and draws what it heard. The reference
is what runs on a CPU today: single precision, then OpenCV (``engine.compositor``).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.face import Canvas
from engine.features import BANDS
from training.bench_gpu.networks import Subject, halve_frames, speech_step, subject, synthesis
from training.bench_gpu.timing import Precision, use

__all__ = ["Parity", "measure_parity"]

STEPS, _QUICK_STEPS = 50, 4
_HOPS = 4  # spectra a frame


@dataclass(frozen=True)
class Parity:
    """What differs from the CPU over all steps. hidden, coefficients: greatest absolute difference
    of the speech network's. psnr: decibels of the worst frame. worst: of one channel of one pixel,
    of 255. stylegan2: decibels over the range of its image, random weights."""

    precision: str
    steps: int
    hidden: float
    coefficients: float
    psnr: float
    worst: int
    stylegan2: float


def measure_parity(device: torch.device, quick: bool) -> list[Parity]:
    """One for each precision. quick: with small networks."""
    someone, speech = subject(quick), speech_step()
    steps = _QUICK_STEPS if quick else STEPS
    reference = list(_on_cpu(someone, speech, steps))
    network = synthesis(32, 512) if quick else synthesis(256)
    ws = torch.randn(4, network.num_ws, 512, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        image = network(ws)
    found = []
    for precision in Precision:
        with use(precision), torch.no_grad():
            seen = _on_device(someone, speech, device, precision, steps)
            hidden = coefficients = 0.0
            psnr, worst = float("inf"), 0
            for ours, theirs in zip(reference, seen, strict=True):
                hidden = max(hidden, float((ours[0] - theirs[0]).abs().max()))
                coefficients = max(coefficients, float((ours[1] - theirs[1]).abs().max()))
                off = ours[2].astype(np.int32) - theirs[2]
                psnr = min(psnr, _decibels(float(np.mean(off**2)), 255))
                worst = max(worst, int(np.abs(off).max()))
            drawn = network.to(device, precision.dtype)(ws.to(device, precision.dtype))
            error = float((drawn.float().cpu() - image).square().mean())
            found.append(
                Parity(
                    precision.value, steps, hidden, coefficients, psnr, worst,
                    _decibels(error, float(image.max() - image.min())),
                )
            )  # fmt: skip
            network = network.float().cpu()
    return found


_Step = tuple[Tensor, Tensor, NDArray[np.uint8]]  # hidden, coefficients, frame


def _sound(steps: int) -> Iterator[tuple[int, Tensor]]:
    rng = torch.Generator().manual_seed(4)
    for hop in range(steps * _HOPS):
        loud = 3.0 if (hop // 20) % 2 else 0.0  # syllables and pauses
        yield hop, torch.randn(1, BANDS, generator=rng) * 2 - 9 + loud


def _head(hop: int) -> Tensor:
    return torch.tensor([[0.05, 0.06, 0.04]]) * torch.sin(torch.tensor([hop / 9.0]))


@torch.no_grad()
def _on_cpu(someone: Subject, speech: nn.Module, steps: int) -> Iterator[_Step]:
    face = someone.face_generator()
    hidden = torch.zeros(1, _state_size(speech))
    for hop, column in _sound(steps):
        coefficients, _, hidden = speech(column, hidden)
        if hop % _HOPS == 0:
            flow, alpha, colour, light, tongue, jaw = (x[0].numpy() for x in face(coefficients))
            canvas = Canvas(
                np.ascontiguousarray(flow.transpose(1, 2, 0)),
                np.concatenate([colour * alpha, alpha]).transpose(1, 2, 0).copy(),
                np.concatenate([light, tongue]).transpose(1, 2, 0).copy(),
                jaw,
            )
            frame = someone.compositor.draw(canvas, _head(hop)[0].numpy())
            yield hidden, coefficients, frame


def _on_device(
    someone: Subject, speech: nn.Module, device: torch.device, precision: Precision, steps: int
) -> Iterator[_Step]:
    speech = copy.deepcopy(speech).to(device, precision.dtype)
    generator = someone.frame_generator().to(device)
    if precision is Precision.fp16:
        halve_frames(generator)
    hidden = torch.zeros(1, _state_size(speech), device=device, dtype=precision.dtype)
    for hop, column in _sound(steps):
        coefficients, _, hidden = speech(column.to(device, precision.dtype), hidden)
        if hop % _HOPS == 0:
            frame = generator(coefficients.float(), _head(hop).to(device))
            yield hidden.float().cpu(), coefficients.float().cpu(), frame[0].cpu().numpy()


def _state_size(speech: nn.Module) -> int:
    units, bands = (speech.get_parameter(f"network.{n}.weight").shape for n in ("refine", "enter"))
    reach = bands[1] // BANDS
    return int((reach - 1) * (BANDS + units[0]) + 2 * units[0])


def _decibels(squared_error: float, peak: float) -> float:
    return float(10 * np.log10(peak**2 / max(squared_error, 1e-12)))
