"""The compositor in torch says what the compositor draws."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.compositor import Compositor
from engine.face import Canvas
from engine.teeth import Teeth

torch = pytest.importorskip("torch")

from export.video_layers import CanvasCompositor, TeethLayers  # noqa: E402

pytestmark = pytest.mark.export
SIDE, FINE, AT = 64, 128, (60, 70)  # the canvas lies on whole pixels of the frame
MATRIX = np.array([[FINE, 0.0, AT[0]], [0.0, FINE, AT[1]]])


def smooth(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    field = rng.normal(size=(16, 16, *shape)).astype(np.float32)
    return cv2.resize(field, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def fields() -> NDArray[np.float32]:
    """``[8, 64, 64]``: a mouth that is open in the middle, a tongue, little light at the sides."""
    rng = np.random.default_rng(5)
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE
    mouth = np.exp(-(((x - 0.5) / 0.16) ** 4 + ((y - 0.55) / 0.12) ** 4))
    tongue = np.exp(-(((x - 0.5) / 0.08) ** 2 + ((y - 0.62) / 0.05) ** 2))
    flow = 0.01 * smooth(rng, 2) * np.exp(-(((x - 0.5) ** 2 + (y - 0.5) ** 2) / 0.06))[..., None]
    colour = np.clip(0.3 + 0.1 * smooth(rng, 3), 0, 1)
    light = 0.8 * np.exp(-(((x - 0.5) / 0.15) ** 2))
    stacked = [flow[..., 0], flow[..., 1], mouth, *colour.transpose(2, 0, 1), light, tongue]
    return np.stack(stacked).astype(np.float32)


@pytest.fixture
def teeth() -> Teeth:
    rng = np.random.default_rng(6)
    rows = []
    for top in (4, 14):
        rgba = np.zeros((30, 50, 4), np.uint8)
        rgba[..., :3] = 200 + rng.integers(-20, 20, (30, 50, 1))
        rgba[top : top + 10, 5:45, 3] = 230
        rows.append(cv2.GaussianBlur(rgba, (0, 0), 1.0))
    return Teeth(rows[0], rows[1], np.array([AT[0] + 39.0, AT[1] + 52.0]))


@pytest.fixture
def photo() -> NDArray[np.uint8]:
    y, x = np.mgrid[:256, :256]
    return np.stack([128 + 60 * np.sin(x / 30), 128 + 60 * np.cos(y / 25), x / 2], -1).astype(
        np.uint8
    )


@pytest.mark.parametrize("drop", [0.0, 0.05])
def test_both_compositors_agree(
    photo: NDArray[np.uint8], teeth: Teeth, fields: NDArray[np.float32], drop: float
) -> None:
    jaw = np.array([0.01, drop], np.float32)
    flow, alpha, colour = fields[:2], fields[2:3], fields[3:6]
    canvas = Canvas(
        np.ascontiguousarray(flow.transpose(1, 2, 0)),
        np.ascontiguousarray(np.concatenate([colour * alpha, alpha]).transpose(1, 2, 0)),
        np.ascontiguousarray(fields[6:].transpose(1, 2, 0)),
        jaw,
    )
    frame = Compositor(photo, MATRIX, SIDE, teeth).draw(canvas, np.zeros(3, np.float32))
    cut = np.s_[AT[1] : AT[1] + FINE, AT[0] : AT[0] + FINE]
    drawn = frame[cut].astype(np.float32)
    ours = torch.from_numpy(photo[cut]).permute(2, 0, 1)[None].float() / 255
    layers = TeethLayers(teeth, MATRIX, FINE)
    with torch.no_grad():
        upper, lower = layers.placed(torch.from_numpy(jaw)[None])
        picture = CanvasCompositor(ours)(torch.from_numpy(fields)[None], upper, lower)
        without = CanvasCompositor(ours)(torch.from_numpy(fields)[None], upper * 0, lower * 0)
    made = picture[0].permute(1, 2, 0).numpy() * 255
    inner = np.s_[12:-12, 12:-12]  # the compositor fades the canvas out at its border
    assert np.abs(made - drawn)[inner].max() < 8
    assert np.abs(made - drawn)[inner].mean() < 0.7
    bare = without[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(bare - drawn)[inner].max() > 60, "the teeth are to be seen"


def inner(layer: NDArray[np.uint8], teeth: Teeth) -> NDArray[np.uint8]:
    """Without the margin in which teeth may be shifted."""
    margin = (layer.shape[0] - teeth.upper.shape[0]) // 2
    return layer[margin:-margin, margin:-margin]


def test_layers_begin_as_the_puppet_s_teeth(teeth: Teeth) -> None:
    own = TeethLayers(teeth, MATRIX, FINE)
    made = own.teeth()
    for ours, theirs in ((inner(made.upper, teeth), teeth.upper),
                         (inner(made.lower, teeth), teeth.lower)):  # fmt: skip
        solid = theirs[..., 3] > 130
        assert np.abs(ours[solid].astype(int) - theirs[solid]).max() <= 6
        assert ours[theirs[..., 3] == 0][:, 3].max() <= 6
    assert float(own.distance().detach()) < 1e-3
    margin = (made.upper.shape[0] - teeth.upper.shape[0]) // 2
    assert np.array_equal(made.origin + margin, teeth.origin)


def taught(own: TeethLayers, wanted: torch.Tensor, steps: int = 60) -> Teeth:
    """Layers after they were shown what to look like, ``[4, 128, 128]``."""
    optimiser = torch.optim.Adam(
        [{"params": [own.gain, own.opacity], "lr": 0.1}, {"params": [own.shift, own.tint]}], 0.02
    )
    for _ in range(steps):
        upper, _ = own.placed(torch.zeros(1, 2))
        loss = (upper - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return own.teeth()


def test_layers_learn_a_tint_and_do_not_become_a_lip(teeth: Teeth) -> None:
    wanted = torch.tensor([0.6, 0.5, 0.4, 1.0])[:, None, None].expand(4, FINE, FINE).clone()
    wanted[:3, :, FINE // 2 :] = torch.tensor([0.5, 0.05, 0.05])[:, None, None]  # a red half
    own = TeethLayers(teeth, MATRIX, FINE)
    own.shift.requires_grad_(False)
    made = inner(taught(own, wanted).upper, teeth)
    halves = [
        made[:, half][teeth.upper[:, half, 3] > 200].astype(float).mean(0)
        for half in (np.s_[:25], np.s_[25:])
    ]
    hue = [half[0] / half[2] for half in halves]
    assert hue[1] == pytest.approx(hue[0], rel=0.1), "one tint for all"
    assert halves[1][:3].mean() < 0.8 * halves[0][:3].mean(), "but darker on that side"


def test_a_row_moves_as_a_whole(teeth: Teeth) -> None:
    """Teeth that are two pixels lower than they were thought to be."""
    lower = Teeth(teeth.upper, teeth.lower, teeth.origin + np.array([0.0, 2.0]))
    with torch.no_grad():
        wanted, _ = TeethLayers(lower, MATRIX, FINE).placed(torch.zeros(1, 2))
    own = TeethLayers(teeth, MATRIX, FINE)
    for parameter in (own.gain, own.opacity, own.tint):
        parameter.requires_grad_(False)
    taught(own, wanted)
    height = own.start.shape[2]
    assert float(own.shift[0, 1].detach()) * height / 2 == pytest.approx(2, abs=0.2)
    rows = own.teeth().upper[..., 3].astype(float).sum(1)
    before = TeethLayers(teeth, MATRIX, FINE).teeth().upper[..., 3].astype(float).sum(1)
    middle = [float(r @ np.arange(len(r)) / r.sum()) for r in (before, rows)]
    assert middle[1] - middle[0] == pytest.approx(2, abs=0.3)
