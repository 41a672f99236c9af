"""The shipped generator as the seed method's: at rest it is the photo, with motion it moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engine.compositor import Compositor  # noqa: E402
from engine.motion import ARKIT_INDEX, Motion  # noqa: E402
from export.generator.prior import LitePrior  # noqa: E402
from export.landmarks import FaceMesh  # noqa: E402
from export.losses import composite  # noqa: E402
from export.puppet import Puppet  # noqa: E402
from tests.photos import astronaut  # noqa: E402
from training.paper.crops import ClipCrops  # noqa: E402
from training.paper.lite import LITE_ROWS, LiteFeatures, LiteSpace, _canvas, _codes  # noqa: E402
from training.paper.material import Material  # noqa: E402
from training.paper.networks import principal_basis  # noqa: E402
from training.paper.objective import Objective, Without  # noqa: E402
from training.paper.stage2 import Trajectories  # noqa: E402

pytestmark = pytest.mark.export


@pytest.fixture(scope="module")
def puppet() -> Puppet:
    photo = astronaut()
    with FaceMesh() as mesh:
        return Puppet(photo, mesh.detect(photo))


@pytest.fixture(scope="module")
def space(puppet: Puppet) -> LiteSpace:
    from export.canvas import canvas_picture

    prior = LitePrior.load()
    size = prior.config.size
    photo = torch.from_numpy(canvas_picture(puppet.image, puppet.matrix, size))
    rest = torch.from_numpy(puppet.fields(np.zeros(52, np.float32), size).stack())
    landmarks = torch.from_numpy(puppet.rest.astype(np.float32))[None]
    photos = photo.permute(2, 0, 1)[None].float() / 255
    return LiteSpace(prior, ["s1_a"], photos, landmarks, rest[None])


@pytest.fixture(scope="module")
def clip() -> ClipCrops:
    motion = np.zeros((30, 52), np.float32)
    motion[10:20, ARKIT_INDEX["jawOpen"]] = 0.5
    nothing = np.zeros((30, 28, 12), np.float32)
    return ClipCrops("s1_a", True, 0, np.zeros((30, 4, 4, 3), np.uint8), nothing, motion, motion)


def test_a_face_at_rest_is_its_photo_and_one_in_motion_is_not(space, clip) -> None:
    codes, pivot = space.codes_of(clip, clip.motion)
    assert torch.equal(codes[0], pivot)
    who = torch.zeros(2, dtype=torch.long)
    with torch.no_grad():
        drawn = space.draw(codes[[0, 15]], who)
    still = composite(space.photos, space.rest) * 2 - 1
    # Colour is not relative to the pivot's: where a smile is covered it may be off a little.
    assert (drawn[:1] - still).abs().mean() < 0.003
    changed = (drawn[1] - drawn[0]).abs().mean(0)
    assert changed[64:104].max() > 0.3  # the mouth
    assert changed[:24].max() < 0.1  # the brow


def test_stage_one_is_measured_in_this_space(space, clip) -> None:
    material = Material([clip], space, torch.device("cpu"))
    _, _, codes, who, pivot = material.windows(1, np.random.default_rng(0))
    objective = Objective(space, LiteFeatures(space.prior), Without.NOTHING, (1.0, 20.0), 4)
    perfect, parts = objective(codes[0], codes[0], who[0], False)
    assert float(perfect) == pytest.approx(0.0, abs=1e-3)
    still, _ = objective(pivot.expand(25, -1, -1), codes[0], who[0], False)
    assert float(still) > 1
    assert set(parts) == {"latent", "lpips"}
    assert "this project" in objective.phi.name


def test_rows_draw_what_was_said(space, clip, puppet: Puppet, tmp_path: Path) -> None:
    codes, pivot = space.codes_of(clip, clip.motion)
    basis, _ = principal_basis(codes, 8)
    said = basis.project(codes + basis.mean - pivot)
    arrays = {f"basis/{k}": v.numpy() for k, v in basis.named_buffers()}
    np.savez(tmp_path / "paper.npz", **arrays, **{"said/s1_a": said.numpy()})
    runs = {"paper": Trajectories(tmp_path / "paper.npz")}
    found = {row.name: _codes(row, clip, space, runs) for row in LITE_ROWS}
    torch.testing.assert_close(found["paper"], codes, rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(found["inversion (tracked motion)"], codes)
    assert found["split"] is None
    assert found["paper without L_lpips"] is None
    compositor = Compositor(puppet.image, puppet.matrix, space.prior.config.size, puppet.teeth())
    with torch.no_grad():
        fields = space.fields(codes[[0, 15]], torch.zeros(2, dtype=torch.long)).numpy()
    rest, talking = (compositor.draw(_canvas(f), Motion().head).astype(int) for f in fields)
    assert rest.shape == puppet.image.shape
    assert np.abs(talking - rest).max() > 60
