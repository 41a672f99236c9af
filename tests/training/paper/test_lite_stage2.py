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
    jaw, drawing = Jaw(space, puppet, 0), Drawing.of(space, 0)
    with torch.no_grad():
        rest, moved = (
            frame(drawing.fields(ws[k : k + 1])[0].numpy(), jaw(ws[k]), compositor).astype(int)
            for k in (REST, OPEN)
        )
    assert rest.shape == puppet.image.shape
    assert np.abs(rest - puppet.image).mean() < 1
    assert np.abs(moved - rest).max() > 60


def test_lower_teeth_are_where_the_motion_has_them(
    space: LiteSpace, talking: ClipCrops, puppet: Puppet
) -> None:
    jaw = Jaw(space, puppet, 0)
    ws, pivot = space.codes_of(talking, talking.motion)
    assert np.abs(jaw(pivot)).max() < 1e-5
    wanted = 0.5 * puppet.jaw[ARKIT_INDEX["jawOpen"]]
    assert np.abs(jaw(ws[OPEN]) - wanted).max() < 0.2 * np.abs(wanted).max()


def test_tuning_brings_the_drawing_nearer_and_is_then_used(
    space: LiteSpace, talking: ClipCrops, tmp_path: Path
) -> None:
    """The person turns out to open the mouth by half as much again."""
    ws, wider = (space.codes_of(talking, k * talking.motion)[0][[REST, OPEN]] for k in (1, 1.5))
    with torch.no_grad():
        before, pictures = Drawing.of(space, 0)(ws), Drawing.of(space, 0)(wider)
    plan = PivotalPlan(steps=12, batch=2, rate=5e-4, squared=20.0, locality_every=4)
    tuned = tune(space, 0, ws, pictures, plan)
    with torch.no_grad():
        after = Drawing.of(space, 0, tuned)(ws)
    assert (after - pictures).square().mean() < 0.9 * (before - pictures).square().mean()
    assert synthesis_of(named("paper"), talking, space, tmp_path) is None
    torch.save({k: v.half() for k, v in tuned.state_dict().items()}, tmp_path / "s1-video.pt")
    found = synthesis_of(named("paper"), talking, space, tmp_path)
    with torch.no_grad():
        again = Drawing.of(space, 0, found)(ws)
    assert (again - after).abs().max() < 0.02
    assert synthesis_of(named("inversion"), talking, space, tmp_path) is space.prior.synthesis
