"""The exported network is the generator, the decoder and the pivot in one, and so is its ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from engine.face import FaceModel  # noqa: E402
from engine.motion import ARKIT  # noqa: E402
from export.displacement import DisplacementDecoder  # noqa: E402
from export.generator import stylegan2, stylegan3  # noqa: E402
from export.generator.picture import PictureGenerator, picture_onnx, rows_of  # noqa: E402
from tests.networks import filled  # noqa: E402

pytestmark = pytest.mark.export
TWO = stylegan2.StyleGAN2Config((12, 10, 8), z_dim=16, w_dim=16, num_layers=2)
THREE = stylegan3.StyleGAN3Config(
    16, False, 16, 16, channel_base=128, channel_max=8, synthesis_layers=4
)


def whole(network: Any) -> tuple[Any, Any, Any, PictureGenerator]:
    synthesis = filled(network).synthesis
    torch.manual_seed(0)
    w = torch.randn(1, synthesis.num_ws, 16)
    codes = 0.3 * torch.randn(12, synthesis.num_ws, 16)
    decoder = DisplacementDecoder.in_basis(codes, w, most=6)
    return synthesis, decoder, w, PictureGenerator(synthesis, decoder, w).eval()


@pytest.mark.parametrize("network", [stylegan2.Generator(TWO), stylegan3.Generator(THREE)],
                         ids=["2", "3"])  # fmt: skip
@torch.no_grad()
def test_it_draws_what_its_parts_draw_and_onnx_does_as_well(network: Any) -> None:
    synthesis, decoder, w, picture = whole(network)
    face = torch.rand(3, len(ARKIT))
    at = w.expand(3, -1, -1)
    wanted = (synthesis(at + decoder(face, at)) * 0.5 + 0.5).clamp(0, 1)
    torch.testing.assert_close(picture(face), wanted, atol=1e-5, rtol=1e-4)
    picture.round_to_half()
    rounded = picture(face)
    assert (rounded - wanted).abs().max() < 0.01
    model = FaceModel(picture_onnx(picture, "a test"))
    assert model.size == 16
    canvas = model.canvas(face[0].numpy())
    rgb = rounded[0].permute(1, 2, 0).numpy()
    assert np.abs(canvas.cover[..., :3] - rgb).max() < 2e-3
    assert (canvas.cover[..., 3] == 1).all()
    assert not canvas.flow.any()


def test_every_affine_layer_knows_its_row() -> None:
    rows = rows_of(stylegan2.Generator(TWO).synthesis)
    assert rows["b4.conv1.affine"] == 0
    assert rows["b4.torgb.affine"] == rows["b8.conv0.affine"] == 1
    assert rows["b16.torgb.affine"] == 5
    rows = rows_of(stylegan3.Generator(THREE).synthesis)
    assert rows["input.affine"] == 0
    assert sorted(rows.values()) == list(range(THREE.num_ws))


def test_the_generator_given_stays_as_it_was() -> None:
    synthesis, _, _, picture = whole(stylegan2.Generator(TWO))
    before = {k: v.clone() for k, v in synthesis.state_dict().items()}
    picture.round_to_half()
    assert all(torch.equal(v, before[k]) for k, v in synthesis.state_dict().items())
