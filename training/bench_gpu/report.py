"""The measurements as Markdown tables and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from training.bench_gpu.ceilings import Ceilings
from training.bench_gpu.measure import Speed
from training.bench_gpu.parity import Parity
from training.bench_gpu.timing import Precision

__all__ = ["Report"]


@dataclass
class Report:
    """machine: its name and versions. seconds: that the whole took."""

    machine: dict[str, str]
    ceilings: Ceilings | None = None
    parities: list[Parity] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    speeds: list[Speed] = field(default_factory=list)
    seconds: float = 0.0

    def json(self) -> dict[str, Any]:
        """All numbers."""
        return asdict(self) | {
            "best": [
                {"network": s.network, "precision": s.precision, "streams": s.streams}
                for s in self.speeds
                if s.fastest
            ]
        }

    def markdown(self) -> str:
        """The tables of ``docs/performance.md``."""
        text = [", ".join(f"{k} {v}" for k, v in self.machine.items()), ""]
        if self.ceilings:
            roofs = [f"{p} {self.ceilings.flops[p] / 1e12:.3g} TFLOP/s" for p in Precision]
            text += [
                f"Ceilings, measured: {', '.join(roofs)}; memory "
                f"{self.ceilings.bytes / 1e12:.3g} TB/s read plus written.",
                "",
            ]
        if self.parities:
            text += _table(
                "against the CPU in closed loop | steps | speech memory | coefficients | "
                "worst frame dB | worst of 255 | StyleGAN2 dB",
                (
                    f"{p.precision} | {p.steps} | {p.hidden:.1e} | {p.coefficients:.1e} | "
                    f"{p.psnr:.1f} | {p.worst} | {p.stylegan2:.1f}"
                    for p in self.parities
                ),
            )
        text += _table(
            "network | precision | calls a second: one stream, eager | one stream, graph | "
            "best batch, eager | best batch, graph | with copy to the host | batch | streams | "
            "of the matrix ceiling | of the memory ceiling | GPU MB",
            (self._row(s) for s in self.speeds if s.fastest),
        )
        text += [f"* {note}" for note in self.notes]
        text += [f"* {s.network}, {s.precision}: {s.note}" for s in self.speeds if s.note]
        return "\n".join(text) + "\n"

    def _row(self, speed: Speed) -> str:
        best = speed.best_batch
        matrix = memory = "-"
        if speed.cost and self.ceilings:
            a_second = best / speed.fastest[best] * 1e3
            roof = self.ceilings.flops[Precision(speed.precision)]
            matrix = f"{speed.cost.flops * a_second / roof:.0%}"
            memory = f"{speed.cost.bytes * a_second / self.ceilings.bytes:.0%}"
        cells = [
            f"{speed.network} ({speed.layout})",
            speed.precision,
            _rate(speed.eager_ms, 1),
            _rate(speed.graph_ms, 1),
            _rate(speed.eager_ms, best),
            _rate(speed.graph_ms, best),
            _rate(speed.host_ms, best),
            str(best),
            str(speed.streams),
            matrix,
            memory,
            f"{speed.gpu_mb[best]:.0f}" if best in speed.gpu_mb else "-",
        ]
        return " | ".join(cells)


def _rate(ms: dict[int, float], batch: int) -> str:
    return f"{batch / ms[batch] * 1e3:.0f}" if batch in ms else "-"


def _table(head: str, rows: Iterable[str]) -> list[str]:
    columns = head.count("|") + 1
    return [f"| {head} |", "|" + "---|" * columns, *(f"| {row} |" for row in rows), ""]
