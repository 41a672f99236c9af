"""The losses: zero at the target, and the composite is the compositor's own picture."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engine.compositor import Compositor  # noqa: E402
from engine.face import Canvas  # noqa: E402
from export.losses import attention, composite, fields_loss  # noqa: E402
from tests import bundles  # noqa: E402

pytestmark = pytest.mark.export
N = 32


def smooth(seed: int, batch: int = 1) -> torch.Tensor:
    """Random smooth fields in their usual ranges."""
    torch.manual_seed(seed)
    raw = torch.nn.functional.interpolate(torch.rand(batch, 8, 4, 4), (N, N), mode="bilinear")
    raw[:, :2] = (raw[:, :2] - 0.5) * 0.1
    return raw


def test_composite_is_what_the_compositor_draws() -> None:
    """The picture that is trained on is the picture that is shown."""
    photo, fields = bundles.photo(N, N), smooth(0)
    tensor = torch.from_numpy(photo).permute(2, 0, 1)[None] / 255
    ours = composite(tensor, fields)[0].permute(1, 2, 0).numpy() * 255
    flow = fields[0, :2].permute(1, 2, 0).numpy()
    cover = torch.cat([fields[:, 3:6] * fields[:, 2:3], fields[:, 2:3]], 1)[0].permute(1, 2, 0)
    compositor = Compositor(photo, np.array([[N, 0.0, 0], [0, N, 0]]), N, bundles.teeth())
    canvas = Canvas(
        np.ascontiguousarray(flow),
        np.ascontiguousarray(cover.numpy()),
        np.zeros((N, N, 2), np.float32),
        np.zeros(2, np.float32),
    )
    frame = compositor.draw(canvas, np.zeros(3, np.float32))
    inside = np.s_[6:-6, 6:-6]
    assert np.abs(frame[inside].astype(float) - ours[inside]).mean() < 1.0


def test_no_fields_are_the_photo() -> None:
    photo = torch.rand(2, 3, N, N)
    torch.testing.assert_close(composite(photo, torch.zeros(2, 8, N, N)), photo, atol=1e-5, rtol=0)


def test_attention_is_on_mouth_and_eyes() -> None:
    weight = attention(64)[0, 0]
    assert float(weight.mean()) == pytest.approx(1)
    mouth, eye, cheek, corner = weight[39, 32], weight[17, 22], weight[36, 12], weight[0, 0]
    assert min(mouth, eye) > 2 * cheek > 2 * corner > 0


def test_the_target_has_no_loss_and_each_error_costs() -> None:
    photo, target, weight = torch.rand(2, 3, N, N), smooth(1, 2), attention(N)
    loss, parts = fields_loss(target, target, photo, weight)
    assert float(loss) == 0
    assert not any(parts.values())
    for channel in range(8):
        wrong = target.clone()
        wrong[:, channel] += 0.02
        assert float(fields_loss(wrong, target, photo, weight)[0]) > 0.001


def test_what_is_not_seen_costs_nothing() -> None:
    photo, target, weight = torch.rand(1, 3, N, N), smooth(2), attention(N)
    target[:, 2] = 0
    wrong = target.clone()
    wrong[:, 3:] += 0.3
    assert float(fields_loss(wrong, target, photo, weight)[0]) == 0


def test_the_flow_s_part_is_in_canvas_pixels() -> None:
    photo, target = torch.rand(1, 3, N, N), smooth(3)
    target[:, 2:] = 0
    wrong = target.clone()
    wrong[:, 0] += 1 / N
    _, parts = fields_loss(wrong, target, photo, attention(N))
    assert parts["flow px"] == pytest.approx(0.5, rel=1e-3), "one pixel in one of two directions"
