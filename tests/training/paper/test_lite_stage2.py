"""Rows drawn by the shipped generator; tuning it to frames brings them nearer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engine.compositor import Compositor  # noqa: E402
from engine.motion import ARKIT_INDEX  # noqa: E402
from export.pivotal import PivotalPlan  # noqa: E402
from export.puppet import Puppet  # noqa: E402
from training.paper.crops import ClipCrops  # noqa: E402
from training.paper.lite import LiteSpace  # noqa: E402
from training.paper.lite_stage2 import (  # noqa: E402
    Drawing,
    Jaw,
    codes,
    frame,
    lessons,
    synthesis_of,
    tune,
)
from training.paper.networks import principal_basis  # noqa: E402
from training.paper.rows import ROWS, Row, Trajectories  # noqa: E402

pytestmark = pytest.mark.export
REST, OPEN = 0, 15


def named(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


def test_rows_take_what_they_name(space: LiteSpace, talking: ClipCrops, tmp_path: Path) -> None:
    real, pivot = space.codes_of(talking, talking.motion)
    basis, _ = principal_basis(real, 8)
    said = basis.project(real + basis.mean - pivot)
    arrays = {f"basis/{k}": v.numpy() for k, v in basis.named_buffers()}
    np.savez(tmp_path / "paper.npz", **arrays, **{"said/s1_a": said.numpy()})
    runs = {"paper": Trajectories(tmp_path / "paper.npz")}
    found = {row.name: codes(row, talking, space, runs) for row in ROWS}
    torch.testing.assert_close(found["paper"], real, rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(found["inversion"], real)
    torch.testing.assert_close(found["still, drawn"], pivot.expand_as(real))
    assert found["split"] is None
    assert found["paper without L_lpips"] is None


def test_a_frame_at_rest_is_the_photo_and_one_in_motion_is_not(
    space: LiteSpace, talking: ClipCrops, puppet: Puppet
) -> None:
    ws, _ = space.codes_of(talking, talking.motion)
    compositor = Compositor(puppet.image, puppet.matrix, space.prior.config.size, puppet.teeth())
    drawing = Drawing(space, 0, puppet)
    ws = ws[[REST, OPEN]]
    with torch.no_grad():
        parts = zip(drawing.fields(ws).numpy(), drawing.jaw(ws).numpy(), strict=True)
    rest, moved = (frame(fields, jaw, compositor).astype(int) for fields, jaw in parts)
    assert rest.shape == puppet.image.shape
    assert np.abs(rest - puppet.image).mean() < 1
    assert np.abs(moved - rest).max() > 60


def test_lower_teeth_are_where_the_motion_has_them(
    space: LiteSpace, talking: ClipCrops, puppet: Puppet
) -> None:
    jaw = Jaw(space, puppet, 0)
    ws, pivot = space.codes_of(talking, talking.motion)
    rest, opened = jaw(torch.stack([pivot, ws[OPEN]])).numpy()
    assert np.abs(rest).max() < 1e-5
    wanted = 0.5 * puppet.jaw[ARKIT_INDEX["jawOpen"]]
    assert np.abs(opened - wanted).max() < 0.2 * np.abs(wanted).max()


def test_tuning_brings_the_drawing_nearer_and_is_then_used(
    space: LiteSpace, talking: ClipCrops, puppet: Puppet, tmp_path: Path
) -> None:
    """The person turns out to open the mouth by half as much again."""
    ws, wider = (space.codes_of(talking, k * talking.motion)[0][[REST, OPEN]] for k in (1, 1.5))
    drawing = Drawing(space, 0, puppet)
    with torch.no_grad():
        before, pictures = drawing(ws), drawing(wider)
    plan = PivotalPlan(steps=12, batch=2, rate=5e-4, squared=20.0, locality_every=4)
    tuned = tune(space, drawing, ws, pictures, plan)
    with torch.no_grad():
        after = tuned(ws)
    assert (after - pictures).square().mean() < 0.9 * (before - pictures).square().mean()
    assert synthesis_of(named("paper"), talking, space, tmp_path) is None
    weights = {k: v.half() for k, v in tuned.synthesis.state_dict().items()}
    torch.save(weights, tmp_path / "s1-video.pt")
    found = synthesis_of(named("paper"), talking, space, tmp_path)
    with torch.no_grad():
        again = Drawing(space, 0, puppet, found)(ws)
    assert (again - after).abs().max() < 0.02
    assert synthesis_of(named("inversion"), talking, space, tmp_path) is space.prior.synthesis


def test_an_image_is_taught_by_its_puppet_teeth_and_all(
    space: LiteSpace, talking: ClipCrops, puppet: Puppet
) -> None:
    drawing = Drawing(space, 0, puppet)
    ws, pictures = lessons(space, drawing, puppet, talking, None)
    assert len(ws) == len(pictures)
    with torch.no_grad():
        drawn = drawing(ws[:8])
    # Untuned it draws the puppet already, but for what tuning is for.
    still = drawing.picture(drawing.rest, torch.zeros(1, 2))
    assert (drawn - pictures[:8]).abs().mean() < 0.3 * (still - pictures[:8]).abs().mean()
