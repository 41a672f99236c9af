"""``python -m training.bench_gpu``: ceilings, parity, speed; tables to read, JSON to keep.

Needs torch and this repository, a CUDA device unless ``--quick``. Ends in time: what could not be
measured by then is named.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from engine.errors import BadInput
from training.bench_gpu.ceilings import measure_ceilings
from training.bench_gpu.measure import measure
from training.bench_gpu.networks import networks
from training.bench_gpu.parity import measure_parity
from training.bench_gpu.report import Report
from training.bench_gpu.timing import Precision

__all__ = ["bench", "main"]

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/bench_gpu"), help="folder")
    parser.add_argument("--seconds", type=float, default=140.0, help="that it may take")
    parser.add_argument("--quick", action="store_true", help="on the CPU, with small networks")
    parser.add_argument(
        "--only", action="append", default=[], help='part of "NETWORK, PRECISION", repeatable'
    )
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    bench(given.out, given.seconds, given.quick, given.only)


def bench(out: Path, seconds: float, quick: bool, only: Sequence[str] = ()) -> Report:
    """Writes ``bench_gpu.json`` and ``bench_gpu.md`` into ``out``, after each network anew.
    only: parts of the names of what is measured, all by default.

    Raises BadInput without a CUDA device, unless quick.
    """
    began = time.perf_counter()
    if not quick and not torch.cuda.is_available():
        raise BadInput(
            "torch sees no CUDA device, expected one: run this on a machine with an NVIDIA GPU and "
            "a CUDA build of torch, or with --quick on a CPU to see that it works"
        )
    device = torch.device("cpu" if quick else "cuda")
    torch.backends.cudnn.benchmark = True
    report = Report(_machine(device))

    def spent() -> float:
        return time.perf_counter() - began

    def keep(what: str) -> None:
        report.seconds = spent()
        out.mkdir(parents=True, exist_ok=True)
        (out / "bench_gpu.json").write_text(json.dumps(report.json(), indent=1))
        (out / "bench_gpu.md").write_text(report.markdown())
        log.info("%5.1f s  %s", spent(), what)

    side, megabytes = (64, 4) if quick else (8192, 2048)
    report.ceilings = measure_ceilings(device, side, megabytes)
    keep("ceilings")
    try:
        report.parities = measure_parity(device, quick)
    except RuntimeError as error:  # speeds are worth having without it
        report.notes.append(f"parity stopped: {error}")
    keep("parity")
    # What matters most first: should time run out, it is missing where it is missed least. Halves
    # are slow on a CPU, which has no TF32.
    precisions = (Precision.fp16, Precision.tf32, Precision.fp32)
    todo = networks(quick)
    for precision in (Precision.fp32,) if quick else precisions:
        for network in todo:
            if only and not any(part in f"{network.name}, {precision}" for part in only):
                continue
            speed = measure(network, precision, device, lambda: spent() > seconds)
            report.speeds.append(speed)
            keep(f"{network.name}, {precision}: {speed.note or 'measured'}")
    log.info("%s", report.markdown())
    return report


def _machine(device: torch.device) -> dict[str, str]:
    if device.type != "cuda":
        return {"CPU": platform.machine(), "torch": torch.__version__}
    properties = torch.cuda.get_device_properties(device)
    return {
        "GPU": properties.name,
        "memory": f"{properties.total_memory / 1e9:.0f} GB,",
        "torch": torch.__version__,
        "CUDA": str(torch.version.cuda),
        "cuDNN": str(torch.backends.cudnn.version()),
    }


if __name__ == "__main__":
    main()
