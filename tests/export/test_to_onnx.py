"""torch to ONNX: the same numbers, one file, metadata inside."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import Tensor, nn  # noqa: E402

from engine.face import FaceModel  # noqa: E402
from engine.motion import ARKIT  # noqa: E402
from engine.runtime.onnx import OnnxModel  # noqa: E402
from export.generator.lite import LiteConfig  # noqa: E402
from export.generator.prior import FaceGenerator, LitePrior  # noqa: E402
from export.to_onnx import FACE_OUTPUTS, face_onnx, to_onnx  # noqa: E402

pytestmark = pytest.mark.export


class Twice(nn.Module):
    """One input, two outputs."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return 2 * x, x.sum(1)


def test_names_and_metadata_go_into_the_file() -> None:
    example = (torch.zeros(1, 3),)
    model = OnnxModel(to_onnx(Twice().eval(), example, ["x"], ["twice", "sum"], {"a": "b"}))
    assert model.metadata == {"a": "b"}
    assert model.inputs == {"x": (1, 3)}
    out = model.run({"x": np.array([[1, 2, 3]], np.float32)})
    np.testing.assert_allclose(out["twice"], [[2, 4, 6]])
    np.testing.assert_allclose(out["sum"], [6])


def test_a_face_generator_becomes_a_face_model() -> None:
    torch.manual_seed(0)
    config = LiteConfig(w_dim=16, channels=(16, 16, 16))
    prior = LitePrior(config).eval()
    generator = FaceGenerator(
        prior,
        torch.randn(1, config.num_ws, config.w_dim),
        torch.rand(1, 8, 16, 16),
        torch.rand(52, 2),
    )
    content = face_onnx(generator)
    assert FaceModel(content).size == 16
    model = OnnxModel(content)
    assert model.metadata["coefficients"] == ",".join(ARKIT)
    face = torch.rand(1, 52)
    with torch.no_grad():
        expected = generator(face)
    out = model.run({"face": face.numpy()})
    for name, value in zip(FACE_OUTPUTS, expected, strict=True):
        np.testing.assert_allclose(out[name], value.numpy(), atol=5e-3)
