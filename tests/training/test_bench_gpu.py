"""The GPU benchmark as far as a CPU can run it: every number it prints is of something that ran."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from engine.errors import BadInput  # noqa: E402
from training.bench_gpu.__main__ import bench  # noqa: E402
from training.bench_gpu.measure import Speed  # noqa: E402
from training.bench_gpu.timing import cost  # noqa: E402

pytestmark = pytest.mark.export


def test_quick_runs_all_of_it_on_a_cpu(tmp_path: Path) -> None:
    report = bench(tmp_path, seconds=120, quick=True)
    assert [s.network.split(" ")[0] for s in report.speeds] == ["lite,", "speech,", "StyleGAN2"]
    for speed in report.speeds:
        assert not speed.note
        assert set(speed.eager_ms) == {1, 2}
        assert speed.cost is not None
        assert speed.cost.flops > 1e5
    by_precision = {p.precision: p for p in report.parities}
    assert by_precision["fp32"].hidden == 0
    assert by_precision["fp32"].psnr > 40, "the graph draws what OpenCV draws, of noise even"
    assert 0 < by_precision["fp16"].hidden < 0.05, "halves differ, and a little"
    assert json.loads((tmp_path / "bench_gpu.json").read_text())["ceilings"]["bytes"] > 0
    assert "StyleGAN2 synthesis at 32" in (tmp_path / "bench_gpu.md").read_text()


def test_without_a_gpu_it_says_so(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("did not run: here is a GPU")
    with pytest.raises(BadInput, match="--quick"):
        bench(tmp_path, seconds=1, quick=False)


def test_cost_counts_multiplications_and_bytes() -> None:
    """A 3x3 convolution by hand; a view moves nothing."""

    class Viewed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 8, 3, padding=1, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x.transpose(2, 3)).flatten(1)

    with torch.no_grad():
        found = cost(Viewed(), (torch.zeros(1, 4, 16, 16),))
    assert found.flops == 2 * 16 * 16 * 8 * 4 * 9
    assert found.bytes == 4 * (4 * 256 + 8 * 4 * 9 + 8 * 256)


def test_streams_are_those_done_in_time() -> None:
    """A batch that takes longer than a frame lasts serves nobody live, however many it holds."""
    speed = Speed("", "fp16", rate=25, graph_ms={1: 1.0, 32: 16.0, 64: 25.0, 128: 41.0})
    assert speed.best_batch == 128
    assert speed.streams == int(64 / 25.0 * 40)
