"""The prior: rest is exact, what is saved comes back, and the exported form is the same network."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from engine.errors import ModelMismatch  # noqa: E402
from engine.face import FIELDS  # noqa: E402
from export.generator.lite import LiteConfig  # noqa: E402
from export.generator.prior import PRIOR_PATH, FaceGenerator, LitePrior, relative  # noqa: E402

pytestmark = pytest.mark.export
SMALL = LiteConfig(w_dim=16, channels=(8, 8, 8))


@pytest.fixture
def prior() -> LitePrior:
    torch.manual_seed(0)
    return LitePrior(SMALL).eval()


def rest() -> torch.Tensor:
    fields = torch.rand(1, 8, 16, 16) * 0.5
    fields[:, :2] -= 0.25
    return fields


def test_rest_is_exact_whatever_was_learned(prior: LitePrior) -> None:
    """Flow and alpha at zero motion are the photo's own, with random weights as well."""
    w, still = torch.randn(1, SMALL.num_ws, SMALL.w_dim), rest()
    with torch.no_grad():
        fields = prior.fields(w, torch.zeros(1, 52), still)
    torch.testing.assert_close(fields[:, :3], still[:, :3], atol=1e-6, rtol=0)
    with torch.no_grad():
        moved = prior.fields(w, torch.rand(1, 52), still)
    assert (moved[:, :3] - still[:, :3]).abs().max() > 1e-4


def test_relative_changes_flow_and_alpha_only() -> None:
    moved, pivot, still = torch.rand(3, 2, 8, 4, 4)
    fields = relative(moved, pivot, still)
    torch.testing.assert_close(fields[:, :3], still[:, :3] + moved[:, :3] - pivot[:, :3])
    torch.testing.assert_close(fields[:, 3:], moved[:, 3:])


def test_the_exported_form_gives_the_same_fields(prior: LitePrior) -> None:
    w, still, face = torch.randn(1, SMALL.num_ws, SMALL.w_dim), rest(), torch.rand(4, 52)
    jaw = torch.rand(52, 2)
    generator = FaceGenerator(prior, w, still, jaw).eval()
    with torch.no_grad():
        *drawn, moved = generator(face)
        fields = prior.fields(w.expand(4, -1, -1), face, still.expand(4, -1, -1, -1))
    fields[:, 2:].clamp_(0, 1)
    expected = fields.split([*FIELDS.values()], 1)
    for got, want in zip(drawn, expected, strict=True):
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(moved, face @ jaw)


def test_rounded_weights_are_those_that_a_file_keeps(prior: LitePrior, tmp_path: Path) -> None:
    prior.save(tmp_path / "prior.safetensors")
    prior.round_to_half()
    again = LitePrior.load(tmp_path / "prior.safetensors")
    for name, value in prior.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


def test_what_is_saved_comes_back(prior: LitePrior, tmp_path: Path) -> None:
    path = tmp_path / "new" / "prior.safetensors"
    prior.save(path)
    again = LitePrior.load(path)
    assert again.config == SMALL
    assert not again.training
    for name, value in prior.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, atol=1e-3, rtol=1e-3)


def test_the_shipped_prior_loads() -> None:
    prior = LitePrior.load()
    assert prior.config.size == 128
    assert all(torch.isfinite(p).all() for p in prior.parameters())
    assert PRIOR_PATH.stat().st_size < 20 << 20


def test_other_files_are_refused(prior: LitePrior, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "bad.safetensors"
    with pytest.raises(ModelMismatch, match=r"bad\.safetensors is not a lite prior"):
        LitePrior.load(path)
    path.write_bytes(b"not safetensors")
    with pytest.raises(ModelMismatch, match="make train-generator"):
        LitePrior.load(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ModelMismatch, match="is not a lite prior"):
        LitePrior.load(path)
    prior.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelMismatch, match="is not a lite prior"):
        LitePrior.load(path)
